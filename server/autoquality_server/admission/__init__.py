"""Limits how much runs at once and how much waits, and refuses the rest.

At most `workers` requests with at most `pixels` between them run, at most `queue_size` wait in
the wait queue. Further requests are refused at once, with a hint when to retry.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from autoquality_core.errors import DeadlinePassed, Overloaded
from autoquality_core.runtime.context import step
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission.retry_hint import ThroughputEstimator, retry_hint

MOST_OVERTAKINGS = 16
"""How many smaller requests may run before one that does not fit yet. With none, workers would
idle behind each large request; without a limit, a steady flow of small ones would starve it."""

UNBOUNDED = 2**63 - 1
_LEAST_PIXELS = 2**16
"""The smallest cost of a request: even a tiny image has some overhead."""


class Waiter:
    """A waiting request. All fields but `wake` are guarded by the lock of the admission."""

    def __init__(self, cost: int) -> None:
        self.cost = cost
        self.wake = threading.Event()
        self.admitted = False
        self.overtaken = 0


class Admission:
    """Limits the work of a process. Thread-safe."""

    def __init__(self, workers: int, queue_size: int, pixels: int = UNBOUNDED) -> None:
        """`workers` and `pixels` are 1 or more, `queue_size` is 0 or more."""
        self.workers = workers
        self.queue_size = queue_size
        self._lock = threading.Lock()
        self._most_pixels = pixels
        self._busy_workers = 0
        self.pixels = 0
        """The pixels of running requests, counted twice for one with a second worker."""
        self._queue: deque[Waiter] = deque()
        self._throughput = ThroughputEstimator(workers)
        self._second_workers = 0

    @property
    def running(self) -> int:
        return self._busy_workers - self._second_workers

    @property
    def queued(self) -> int:
        return len(self._queue)

    @contextmanager
    def admit(self, deadline: Deadline, pixels: int = 0) -> Iterator[None]:
        """Hold a worker and `pixels` for the body, after waiting for them.

        A request of more pixels than the limit runs alone. Raises Overloaded at once if the
        queue is full; DeadlinePassed and RequestCancelled while it waits.
        """
        cost = min(max(pixels, _LEAST_PIXELS), self._most_pixels)
        with step("queue", pixels=pixels):
            self._acquire(deadline, cost)
        try:
            deadline.check()
            yield
        finally:
            with self._lock:
                self._give_back(cost)
                self._throughput.finished(cost, time.monotonic())
                self._admit_waiters()

    @contextmanager
    def second_worker(self, pixels: int) -> Iterator[bool]:
        """Hold a second worker and `pixels` for the body, if that is possible without waiting.

        Yields whether it is held. A request that arrives meanwhile may have to wait for it.
        """
        cost = max(pixels, _LEAST_PIXELS)
        with self._lock:
            held = not self._queue and self._fits(cost)
            if held:
                self._take(cost)
                self._second_workers += 1
                self._throughput.set_full(self._is_full, time.monotonic())
        try:
            yield held
        finally:
            if held:
                with self._lock:
                    self._give_back(cost)
                    self._second_workers -= 1
                    self._admit_waiters()

    def _acquire(self, deadline: Deadline, cost: int) -> None:
        deadline.check()
        waiter = Waiter(cost)
        with self._lock:
            self._queue.append(waiter)
            self._admit_waiters()
            if waiter.admitted:
                return
            # A second worker is free again soon, so it is no reason to refuse a request.
            if len(self._queue) > self.queue_size + self._second_workers:
                self._queue.remove(waiter)
                raise self._overloaded(cost)
        deadline.on_cancel(waiter.wake.set)
        self._wait(waiter, deadline)

    def _wait(self, waiter: Waiter, deadline: Deadline) -> None:
        waiter.wake.wait(min(max(0.0, deadline.remaining()), threading.TIMEOUT_MAX))
        with self._lock:
            if waiter.admitted:
                return
            self._queue.remove(waiter)
            self._admit_waiters()  # one behind it may fit now
        deadline.check()
        raise DeadlinePassed  # the wait may end a moment early

    @property
    def _is_full(self) -> bool:
        """Whether even the smallest request does not fit."""
        return self._busy_workers >= self.workers or self.pixels >= self._most_pixels

    def _fits(self, cost: int) -> bool:
        return not self._is_full and self.pixels + cost <= self._most_pixels

    def _take(self, cost: int) -> None:
        self._busy_workers += 1
        self.pixels += cost

    def _give_back(self, cost: int) -> None:
        self._busy_workers -= 1
        self.pixels -= cost

    def _admit_waiters(self) -> None:
        """Admit all waiters that may run. Call it after every change of capacity or queue."""
        while waiter := self._next():
            self._queue.remove(waiter)
            self._take(waiter.cost)
            waiter.admitted = True
            waiter.wake.set()
        full = bool(self._queue) or self._is_full
        self._throughput.set_full(full, time.monotonic())

    def _next(self) -> Waiter | None:
        """The waiter to admit next, None if none may go; counts those that it overtakes.

        First in, first out, except that a request that fits may overtake those that do not.
        """
        if self._is_full:
            return None
        overtaken: list[Waiter] = []
        for waiter in self._queue:
            if self._fits(waiter.cost):
                for other in overtaken:
                    other.overtaken += 1
                return waiter
            if waiter.overtaken >= MOST_OVERTAKINGS:
                return None
            overtaken.append(waiter)
        return None

    def _overloaded(self, cost: int) -> Overloaded:
        ahead = len(self._queue)
        pixels = cost + sum(waiter.cost for waiter in self._queue)
        retry = retry_hint(self._throughput.seconds(pixels, ahead + 1))
        why = f"{self.running} requests run and {ahead} wait, which is the limit"
        return Overloaded(why, retry)


class DeadlineSemaphore:
    """Limits how many bodies run at the same time. Thread-safe."""

    def __init__(self, limit: int) -> None:
        """`limit` is 1 or more."""
        self._free = threading.BoundedSemaphore(limit)

    @contextmanager
    def acquire(self, deadline: Deadline) -> Iterator[None]:
        """Hold one of the slots for the body. Raises DeadlinePassed and RequestCancelled."""
        seconds = min(max(0.0, deadline.remaining()), threading.TIMEOUT_MAX)
        acquired = self._free.acquire(timeout=seconds)
        try:
            deadline.check()
            yield
        finally:
            if acquired:
                self._free.release()
