"""Limits per caller: each has a token bucket, which refills over time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from autoquality_core.errors import Overloaded

BURST_SECONDS = 5.0
"""A caller that was idle may catch up on this many seconds."""

MOST_CALLERS = 10_000
"""Callers to remember; beyond that, the one seen longest ago is forgotten."""


class RateExceeded(Overloaded):
    """The caller exceeds its rate limit, even if the server has room.

    `subject` is the caller's identity, `limit` describes the limit.
    """

    reason = "RATE_EXCEEDED"

    def __init__(self, subject: str, limit: str, retry_seconds: float) -> None:
        super().__init__(limit, retry_seconds)
        self.subject = subject
        self.limit = limit


class TokenBucket:
    """The bucket of one caller; times are seconds of a monotonic clock. Not thread-safe."""

    def __init__(self, per_second: float, now: float) -> None:
        """Start full: with BURST_SECONDS' worth, and at least 1."""
        self._per_second = per_second
        self._capacity = max(1.0, per_second * BURST_SECONDS)
        self._level = self._capacity
        self._updated = now

    def take(self, amount: float, now: float) -> float:
        """Take `amount` and return 0, or take nothing and return the seconds to wait.

        A full bucket also serves an amount above its capacity. Its level is negative then, and
        everything else waits until it is positive again.
        """
        self._level = min(self._capacity, self._level + (now - self._updated) * self._per_second)
        self._updated = now
        missing = min(amount, self._capacity) - self._level
        if missing > 0:
            return missing / self._per_second
        self._level -= amount
        return 0.0

    def give_back(self, amount: float) -> None:
        self._level = min(self._capacity, self._level + amount)


class Rates:
    """A limit on one unit for every caller. Thread-safe, bounded in memory."""

    def __init__(self, unit: str, per_second: float) -> None:
        """`unit` is for the message ("megapixels"); with `per_second` 0 there is no limit."""
        self._unit = unit
        self._per_second = per_second
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, caller: str, amount: float) -> None:
        """Take `amount` for the caller. Raises RateExceeded if its bucket has too little."""
        if not self._per_second:
            return
        now = time.monotonic()
        with self._lock:
            bucket = self._buckets.setdefault(caller, TokenBucket(self._per_second, now))
            self._buckets.move_to_end(caller)
            if len(self._buckets) > MOST_CALLERS:
                self._buckets.popitem(last=False)
            wait = bucket.take(amount, now)
        if wait > 0:
            raise RateExceeded(caller, f"at most {self._per_second:g} {self._unit} a second", wait)

    def give_back(self, caller: str, amount: float) -> None:
        with self._lock:
            if bucket := self._buckets.get(caller):
                bucket.give_back(amount)
