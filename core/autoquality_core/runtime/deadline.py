"""How long a request may still take, and whether anybody still waits for it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autoquality_core.errors import DeadlinePassed, RequestCancelled

_SAME_MOMENT = 0.05
"""A cancellation so many seconds before the deadline is the caller's own clock
running out: his deadline began when he sent the request, ours when it came."""


class Deadline:
    """The caller's patience: a moment on the monotonic clock, and a cancel flag.

    Thread-safe. Long work calls `check` between its steps.
    """

    def __init__(self, seconds: float | None = None) -> None:
        """Start now; `seconds` is None where the caller set no deadline."""
        self._end = math.inf if seconds is None else time.monotonic() + seconds
        self._cancelled = threading.Event()
        self._cancelled_at = math.inf
        self._ran_out = False
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def remaining(self) -> float:
        """Seconds left, negative once it has passed, infinite without a deadline."""
        return self._end - time.monotonic()

    def overdue(self) -> float:
        """Seconds for which nobody has waited any more, 0 while somebody does."""
        return max(0.0, time.monotonic() - min(self._end, self._cancelled_at))

    def cancel(self) -> None:
        """Say that nobody waits any more; runs the callbacks once."""
        with self._lock:
            if not self._cancelled.is_set():
                self._ran_out = self.remaining() <= _SAME_MOMENT
                self._cancelled_at = time.monotonic()
            self._cancelled.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Run `callback` on cancellation, at once if that has happened."""
        with self._lock:
            if not self._cancelled.is_set():
                self._callbacks.append(callback)
                return
        callback()

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """As `on_cancel`, in the body only: what is called is not held on to beyond it."""
        self.on_cancel(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks = [one for one in self._callbacks if one is not callback]

    @contextmanager
    def within(self, seconds: float) -> Iterator[Deadline]:
        """A deadline for a part of the work: so many seconds at most, cancelled with this one."""
        part = Deadline(min(seconds, self.remaining()))
        with self.calling(part.cancel):
            yield part

    def check_soon(self, seconds: float) -> None:
        """As `check`, waiting so long for a cancellation that may be on its way."""
        self._cancelled.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise RequestCancelled or DeadlinePassed if there is no point in going on.

        A deadline that passes ends the call, which looks like a cancellation
        from here: it is told as the deadline that it was.
        """
        if self._cancelled.is_set():
            raise DeadlinePassed() if self._ran_out else RequestCancelled()
        if self.remaining() <= 0:
            raise DeadlinePassed()
