"""The deadline and the cancellation of a request."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from autoquality_core.errors import DeadlinePassed, RequestCancelled

_CLOCK_DIFFERENCE = 0.05
"""A cancellation at most this many seconds before the deadline is the deadline of the caller, which
started when the request was sent, not when it arrived."""


class Deadline:
    """A time on the monotonic clock, and a cancel flag. Thread-safe.

    Long work calls `check` between its steps.
    """

    def __init__(self, seconds: float | None = None) -> None:
        """Start now; `seconds` None means no deadline."""
        self._end = math.inf if seconds is None else time.monotonic() + seconds
        self._cancelled = threading.Event()
        self._cancelled_at = math.inf
        self._ran_out = False
        self.was_short = False
        """Whether `leaves` was ever False: with more time, the result might differ."""
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def remaining(self) -> float:
        """Seconds left: negative once the deadline has passed, infinite without one."""
        return self._end - time.monotonic()

    def leaves(self, seconds: float) -> bool:
        """Whether there is time for an optional step of `seconds`. If not, sets `was_short`."""
        remaining = self.remaining()
        enough = remaining == math.inf or remaining > seconds
        self.was_short |= not enough
        return enough

    def overdue(self) -> float:
        """Seconds since the deadline or the cancellation, 0 before that."""
        return max(0.0, time.monotonic() - min(self._end, self._cancelled_at))

    def cancel(self) -> None:
        """Cancel the request, and run the callbacks once."""
        with self._lock:
            if not self._cancelled.is_set():
                self._ran_out = self.remaining() <= _CLOCK_DIFFERENCE
                self._cancelled_at = time.monotonic()
            self._cancelled.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Run `callback` on cancellation, or now if the request is already cancelled."""
        with self._lock:
            if not self._cancelled.is_set():
                self._callbacks.append(callback)
                return
        callback()

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """As `on_cancel`, for the body only: afterwards `callback` is released."""
        self.on_cancel(callback)
        try:
            yield
        finally:
            with self._lock:
                self._callbacks = [one for one in self._callbacks if one is not callback]

    @contextmanager
    def in_place_of(self, error: type[Exception]) -> Iterator[None]:
        """If the body raises `error`, `check` first: a body that was stopped fails with `error`."""
        try:
            yield
        except error:
            self.check()
            raise

    @contextmanager
    def within(self, seconds: float) -> Iterator[Deadline]:
        """A deadline for a part of the work: at most `seconds`, and cancelled with this one."""
        part = Deadline(min(seconds, self.remaining()))
        with self.calling(part.cancel):
            yield part

    def check_soon(self, seconds: float) -> None:
        """As `check`, but first wait for a cancellation that may be on its way."""
        self._cancelled.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise RequestCancelled or DeadlinePassed if the caller no longer waits.

        gRPC reports a deadline as a cancellation too; `check` raises the right error.
        """
        if self._cancelled.is_set():
            raise DeadlinePassed() if self._ran_out else RequestCancelled()
        if self.remaining() <= 0:
            raise DeadlinePassed()
