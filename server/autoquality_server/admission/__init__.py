"""How much runs at once, how much may wait, and what the rest are told.

A guard around the work of a request: at most `workers` run with at most
`pixels` between them, at most `queue_size` wait for their turn (`line`), more
are refused at once and told when to come back (`pace`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from autoquality_core.errors import Overloaded
from autoquality_core.runtime.context import step
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.admission.capacity import Room
from autoquality_server.admission.throughput import Pace
from autoquality_server.admission.wait_queue import Line, Waiter

UNBOUNDED = 2**63 - 1
_SHORTEST_RETRY = 0.05
_LONGEST_RETRY = 30.0
_LEAST_PIXELS = 2**16
"""What the smallest image counts as: a request costs something of its own."""


class Admission:
    """Bounds the work of a process. Thread-safe."""

    def __init__(self, workers: int, queue_size: int, pixels: int = UNBOUNDED) -> None:
        """`workers` and `pixels` are 1 or more, `queue_size` 0 (nobody waits) or more."""
        self._workers = workers
        self._queue_size = queue_size
        self._lock = threading.Lock()
        self._room = Room(workers, pixels)
        self._line = Line()
        self._pace = Pace(workers)
        self._lent = 0

    @property
    def workers(self) -> int:
        """The most requests that run."""
        return self._workers

    @property
    def queue_size(self) -> int:
        """The most requests that wait."""
        return self._queue_size

    @property
    def running(self) -> int:
        """Requests that hold a worker of their own."""
        return self._room.running - self._lent

    @property
    def queued(self) -> int:
        """Requests that wait for one."""
        return len(self._line)

    @property
    def pixels(self) -> int:
        """Pixels that are worked on, twice where a request was lent a second worker."""
        return self._room.pixels

    @contextmanager
    def admit(self, deadline: Deadline, pixels: int = 0) -> Iterator[float]:
        """Hold a worker and `pixels` for the body; gives the seconds spent waiting for them.

        More pixels than there can ever be are admitted alone. Raises Overloaded
        at once when the queue is full, DeadlinePassed or RequestCancelled as
        soon as either happens while waiting.
        """
        arrived = time.monotonic()
        cost = min(max(pixels, _LEAST_PIXELS), self._room.most_pixels)
        with step("queue", pixels=pixels):
            self._acquire(deadline, cost)
        started = time.monotonic()
        try:
            deadline.check()
            yield started - arrived
        finally:
            self._release(cost)

    @contextmanager
    def spare(self, pixels: int) -> Iterator[bool]:
        """Lend a second worker to a request for the body, if one is idle; gives whether it is.

        Nobody ever waits for one; who comes meanwhile may have to.
        """
        cost = max(pixels, _LEAST_PIXELS)
        with self._lock:
            lent = not len(self._line) and self._room.fits(cost)
            if lent:
                self._room.take(cost)
                self._lent += 1
                self._pace.note(self._room.is_full, time.monotonic())
        try:
            yield lent
        finally:
            if lent:
                with self._lock:
                    self._room.give(cost)
                    self._lent -= 1
                    self._let_in()

    def _acquire(self, deadline: Deadline, cost: int) -> None:
        deadline.check()
        waiter = Waiter(cost)
        with self._lock:
            self._line.append(waiter)
            self._let_in()
            if waiter.admitted:
                return
            # A worker that was only lent comes free soon: who finds it taken is not turned away.
            if len(self._line) > self._queue_size + self._lent:
                self._line.remove(waiter)
                raise self._overloaded(cost)
        deadline.on_cancel(waiter.wake.set)
        self._wait(waiter, deadline)

    def _wait(self, waiter: Waiter, deadline: Deadline) -> None:
        while True:
            left = min(deadline.remaining(), threading.TIMEOUT_MAX)
            woken = waiter.wake.wait(max(0.0, left))
            with self._lock:
                if waiter.admitted:
                    return
                if woken or deadline.remaining() <= 0:
                    self._line.remove(waiter)
                    self._let_in()  # who was kept back by this one may fit
                    break
        deadline.check()

    def _release(self, cost: int) -> None:
        with self._lock:
            self._room.give(cost)
            self._pace.finished(cost, time.monotonic())
            self._let_in()

    def _let_in(self) -> None:
        """Admit whoever's turn it is. Called whenever room or line has changed."""
        while waiter := self._line.next(self._room):
            self._line.remove(waiter)
            self._room.take(waiter.cost)
            waiter.admitted = True
            waiter.wake.set()
        self._pace.note(bool(len(self._line)) or self._room.is_full, time.monotonic())

    def _overloaded(self, cost: int) -> Overloaded:
        ahead = len(self._line)
        seconds = self._pace.seconds(self._line.pixels + cost, ahead + 1)
        retry = min(max(seconds, _SHORTEST_RETRY), _LONGEST_RETRY)
        return Overloaded(
            f"{self.running} requests run and {ahead} wait, which is all that may: "
            f"try again in {retry:.2f} s",
            retry_seconds=retry,
        )
