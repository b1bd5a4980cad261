"""A circuit breaker for a network that fails repeatedly."""

from __future__ import annotations

import threading
import time
from enum import Enum

_LONGEST_BACKOFF = 300.0


class Result(Enum):
    """The result of a permitted call."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class Permit(Enum):
    """A normal call, or the half-open trial."""

    CALL = "call"
    TRIAL = "trial"


class CircuitBreaker:
    """Opens after `limit` failures in a row; permits one trial after `backoff` seconds.

    A trial that succeeds closes the circuit. One that fails doubles the backoff, up
    to 5 minutes. Thread-safe.
    """

    def __init__(self, limit: int, backoff: float) -> None:
        """`limit` is 1 or more, or 0 for a circuit that never opens."""
        self.limit = limit
        self._first_backoff = backoff
        self._backoff = backoff
        self._lock = threading.Lock()
        self._failures = 0
        self._opened_at: float | None = None
        self._in_trial = False

    @property
    def is_closed(self) -> bool:
        """Whether all calls are permitted."""
        return self._opened_at is None

    def acquire(self) -> Permit | None:
        """A permit for one call, to be given to `report`; None if the circuit is open."""
        with self._lock:
            if self._opened_at is None:
                return Permit.CALL
            if self._in_trial or time.monotonic() < self._opened_at + self._backoff:
                return None
            self._in_trial = True
            return Permit.TRIAL

    def report(self, permit: Permit, result: Result) -> bool:
        """Report the result of a call. Returns whether it opened or closed the circuit."""
        with self._lock:
            was_closed = self.is_closed
            if permit is Permit.TRIAL:
                self._in_trial = False
            if result is Result.SUCCESS:
                self._close()
            elif result is Result.FAILURE:
                self._failures += 1
                if was_closed:
                    if self.limit and self._failures >= self.limit:
                        self._opened_at = time.monotonic()
                elif permit is Permit.TRIAL:
                    self._backoff = min(2 * self._backoff, _LONGEST_BACKOFF)
                    self._opened_at = time.monotonic()
            return was_closed != self.is_closed

    def reset(self) -> None:
        """Close the circuit and forget all failures: the network was replaced."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._failures = 0
        self._opened_at = None
        self._backoff = self._first_backoff
