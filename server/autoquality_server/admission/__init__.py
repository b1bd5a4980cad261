"""How many requests run, how many may wait, and what the rest are told.

A guard around the work of a request: at most `workers` run, at most
`queue_size` wait in the order of their arrival, more are refused at once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from autoquality_server.deadline import Deadline
from autoquality_server.errors import Overloaded

_SHORTEST_RETRY = 0.05
_LONGEST_RETRY = 30.0
_FIRST_GUESS = 0.5
"""Seconds that a request is taken to run before one has."""
_NEWEST_SHARE = 0.2
"""Weight of the newest duration in the mean."""


class _Waiter:
    """A place in the queue. `admitted` is guarded by the admission's lock."""

    def __init__(self) -> None:
        self.wake = threading.Event()
        self.admitted = False


class Admission:
    """Bounds the work of a process. Thread-safe."""

    def __init__(self, workers: int, queue_size: int) -> None:
        """`workers` is 1 or more, `queue_size` 0 (nobody waits) or more."""
        self._workers = workers
        self._queue_size = queue_size
        self._lock = threading.Lock()
        self._running = 0
        self._queue: deque[_Waiter] = deque()
        self._mean_seconds = _FIRST_GUESS

    @property
    def running(self) -> int:
        """Requests that hold a worker."""
        return self._running

    @property
    def queued(self) -> int:
        """Requests that wait for one."""
        return len(self._queue)

    @contextmanager
    def admit(self, deadline: Deadline) -> Iterator[float]:
        """Hold a worker for the body; gives the seconds spent waiting for it.

        Raises Overloaded at once when the queue is full, DeadlinePassed or
        RequestCancelled as soon as either happens while waiting.
        """
        arrived = time.monotonic()
        self._acquire(deadline)
        started = time.monotonic()
        try:
            deadline.check()
            try:
                yield started - arrived
            finally:
                self._learn(time.monotonic() - started)
        finally:
            self._release()

    def _acquire(self, deadline: Deadline) -> None:
        deadline.check()
        with self._lock:
            # A freed worker goes straight to the first in the queue, so where
            # there is a free one, nobody waits: no newcomer can overtake.
            if self._running < self._workers:
                self._running += 1
                return
            if len(self._queue) >= self._queue_size:
                raise self._overloaded()
            waiter = _Waiter()
            self._queue.append(waiter)
        deadline.on_cancel(waiter.wake.set)
        self._wait(waiter, deadline)

    def _wait(self, waiter: _Waiter, deadline: Deadline) -> None:
        while True:
            left = min(deadline.remaining(), threading.TIMEOUT_MAX)
            woken = waiter.wake.wait(max(0.0, left))
            with self._lock:
                if waiter.admitted:
                    return
                if woken or deadline.remaining() <= 0:
                    self._queue.remove(waiter)
                    break
        deadline.check()

    def _learn(self, seconds: float) -> None:
        with self._lock:
            self._mean_seconds += _NEWEST_SHARE * (seconds - self._mean_seconds)

    def _release(self) -> None:
        with self._lock:
            if self._queue:
                waiter = self._queue.popleft()
                waiter.admitted = True
                waiter.wake.set()
            else:
                self._running -= 1

    def _overloaded(self) -> Overloaded:
        ahead = len(self._queue) + 1
        seconds = self._mean_seconds * ahead / self._workers
        retry = min(max(seconds, _SHORTEST_RETRY), _LONGEST_RETRY)
        return Overloaded(
            f"all {self._workers} workers are busy and {len(self._queue)} requests wait: "
            f"try again in {retry:.2f} s",
            retry_seconds=retry,
        )
