"""A semaphore whose waiters have deadlines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from autoquality_core.runtime.deadline import Deadline


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
