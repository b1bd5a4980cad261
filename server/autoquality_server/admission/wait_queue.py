"""Who waits, and whose turn it is."""

from __future__ import annotations

import threading
from collections import deque

from autoquality_server.admission.capacity import Room

MOST_OVERTAKINGS = 16
"""How many smaller requests may go before one that does not fit yet. Without
any, workers would idle behind each large one; without an end, small ones that
keep coming would hold a large one up for ever."""


class Waiter:
    """A place in the line. All but `wake` is guarded by the admission's lock."""

    def __init__(self, cost: int) -> None:
        self.cost = cost
        self.wake = threading.Event()
        self.admitted = False
        self.overtaken = 0


class Line:
    """In the order of arrival, except that what fits may overtake what does not."""

    def __init__(self) -> None:
        self._waiters: deque[Waiter] = deque()
        self.pixels = 0

    def __len__(self) -> int:
        return len(self._waiters)

    def append(self, waiter: Waiter) -> None:
        self._waiters.append(waiter)
        self.pixels += waiter.cost

    def remove(self, waiter: Waiter) -> None:
        self._waiters.remove(waiter)
        self.pixels -= waiter.cost

    def next(self, room: Room) -> Waiter | None:
        """The first that fits into `room` and may go, None if nobody does.

        Whoever is overtaken by it, is counted so.
        """
        if room.is_full:
            return None
        passed: list[Waiter] = []
        for waiter in self._waiters:
            if room.fits(waiter.cost):
                for slower in passed:
                    slower.overtaken += 1
                return waiter
            if waiter.overtaken >= MOST_OVERTAKINGS:
                return None
            passed.append(waiter)
        return None
