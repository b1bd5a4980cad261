"""When all processes are asked for their numbers, and when all have answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY = 2.0
"""Seconds between two rounds: what a process that dies has counted since the last one is lost."""

_PATIENCE = 1.0
"""Seconds that a look at the metrics waits for a process that does not answer."""


class Rounds:
    """Questions by number, each put to every process. The supervisor's thread asks."""

    def __init__(self, poke: Callable[[], None]) -> None:
        """`poke` wakes the supervisor."""
        self._poke = poke
        self._changed = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._wanted = 0
        self._next = 0.0

    def refresh(self) -> None:
        """Wait, in another thread, until a round that begins now is over."""
        with self._changed:
            goal = self._wanted = self._asked + 1
            self._poke()
            self._changed.wait_for(lambda: self._answered >= goal, _PATIENCE)

    @property
    def seconds_left(self) -> float:
        """How long until the next round."""
        return max(0.0, self._next - time.monotonic())

    def begin(self) -> int | None:
        """The number of a round that is to begin now, None if none is."""
        with self._changed:
            if self._wanted <= self._asked and self.seconds_left:
                return None
            self._asked += 1
            self._next = time.monotonic() + EVERY
            return self._asked

    def owed(self, first: int | None) -> None:
        """Note the first question that is not answered by all, None if there is none."""
        with self._changed:
            self._answered = self._asked if first is None else first - 1
            self._changed.notify_all()
