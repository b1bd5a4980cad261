"""A circuit breaker: what fails again and again is left alone for a while."""

from __future__ import annotations

import threading
import time
from enum import Enum

_LONGEST_BACKOFF = 300.0


class Verdict(Enum):
    """What came of something that the breaker let through."""

    WORKED = "worked"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Pass(Enum):
    """How something got past the breaker: as all do, or as the one that tries whether it works."""

    FREE = "free"
    TRIAL = "trial"


class Breaker:
    """Opens after `failures` in a row; lets one through after `backoff` seconds. Thread-safe.

    If that one works the breaker closes; if it fails, the next is let through
    after twice the time, up to 5 minutes.
    """

    def __init__(self, failures: int, backoff: float) -> None:
        """`failures` is 1 or more, or 0 for a breaker that never opens."""
        self._limit = failures
        self._first_backoff = backoff
        self._backoff = backoff
        self._lock = threading.Lock()
        self._failed = 0
        self._opened_at: float | None = None
        self._trying = False

    @property
    def closed(self) -> bool:
        """Whether everything is let through."""
        return self._opened_at is None

    def ask(self) -> Pass | None:
        """A pass, with which the holder has to `report`; None where nothing is let through."""
        with self._lock:
            if self._opened_at is None:
                return Pass.FREE
            if self._trying or time.monotonic() < self._opened_at + self._backoff:
                return None
            self._trying = True
            return Pass.TRIAL

    def report(self, held: Pass, verdict: Verdict) -> bool:
        """Tell what came of it; whether that opened or closed the breaker."""
        with self._lock:
            was_closed = self.closed
            if held is Pass.TRIAL:
                self._trying = False
            if verdict is Verdict.WORKED:
                self._close()
            elif verdict is Verdict.FAILED:
                self._failed += 1
                self._fail(held)
            return was_closed != self.closed

    def reset(self) -> None:
        """Close and forget: what failed was replaced."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._failed = 0
        self._opened_at = None
        self._backoff = self._first_backoff

    def _fail(self, held: Pass) -> None:
        if self.closed:
            if self._limit and self._failed >= self._limit:
                self._opened_at = time.monotonic()
        elif held is Pass.TRIAL:
            self._backoff = min(2 * self._backoff, _LONGEST_BACKOFF)
            self._opened_at = time.monotonic()
