"""A few at a time, for work too short to refuse anybody for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from autoquality_core.runtime.deadline import Deadline


class Turns:
    """At most so many bodies run at the same time; the others wait. Thread-safe."""

    def __init__(self, at_once: int) -> None:
        """`at_once` is 1 or more."""
        self._free = threading.BoundedSemaphore(at_once)

    @contextmanager
    def take(self, deadline: Deadline) -> Iterator[None]:
        """Wait for a turn and hold it for the body; raises DeadlinePassed, RequestCancelled."""
        seconds = min(max(0.0, deadline.remaining()), threading.TIMEOUT_MAX)
        taken = self._free.acquire(timeout=seconds)
        try:
            deadline.check()
            yield
        finally:
            if taken:
                self._free.release()
