"""A clock that a test moves, in place of the `time` of a module."""

from __future__ import annotations


class Clock:
    """Seconds as `time.monotonic` tells them; each look adds `step`."""

    def __init__(self, now: float = 1000.0, step: float = 0.0) -> None:
        self.now = now
        self.step = step

    def monotonic(self) -> float:
        self.now += self.step
        return self.now
