"""How soon a process that ended is replaced."""

from __future__ import annotations

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
LONG_ENOUGH = 30.0
"""Seconds of serving after which an end says nothing about the ends before it."""


class Pace:
    """At once the first time; then later and later while they do not live long."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def after(self, served_seconds: float) -> float:
        """Seconds to wait before the next start, after one that served for so long."""
        if served_seconds >= LONG_ENOUGH:
            self._in_a_row = 0
        # No power larger than what is needed: 2.0**1024 is no float any more.
        doublings = min(self._in_a_row - 1, 16)
        delay = min(FIRST_DELAY * 2.0**doublings, LONGEST_DELAY) if self._in_a_row else 0.0
        self._in_a_row += 1
        return delay
