"""The capacity for running requests, and the queue of those that wait for it."""

from __future__ import annotations

import threading
from collections import deque

MOST_OVERTAKINGS = 16
"""How many smaller requests may run before one that does not fit yet. With none, workers would
idle behind each large request; without a limit, a steady flow of small ones would starve it."""


class Capacity:
    """A number of workers and of pixels. Guarded by its owner's lock."""

    def __init__(self, workers: int, pixels: int) -> None:
        self._workers = workers
        self.most_pixels = pixels
        self.running = 0
        self.pixels = 0

    @property
    def is_full(self) -> bool:
        """Whether even the smallest request does not fit."""
        return self.running >= self._workers or self.pixels >= self.most_pixels

    def fits(self, cost: int) -> bool:
        return not self.is_full and self.pixels + cost <= self.most_pixels

    def take(self, cost: int) -> None:
        self.running += 1
        self.pixels += cost

    def release(self, cost: int) -> None:
        self.running -= 1
        self.pixels -= cost


class Waiter:
    """A waiting request. All fields but `wake` are guarded by the lock of the admission."""

    def __init__(self, cost: int) -> None:
        self.cost = cost
        self.wake = threading.Event()
        self.admitted = False
        self.overtaken = 0


class WaitQueue:
    """First in, first out, except that a request that fits may overtake those that do not."""

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

    def next(self, capacity: Capacity) -> Waiter | None:
        """The waiter to admit next, None if none may go; counts those that it overtakes."""
        if capacity.is_full:
            return None
        overtaken: list[Waiter] = []
        for waiter in self._waiters:
            if capacity.fits(waiter.cost):
                for other in overtaken:
                    other.overtaken += 1
                return waiter
            if waiter.overtaken >= MOST_OVERTAKINGS:
                return None
            overtaken.append(waiter)
        return None
