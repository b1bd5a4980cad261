"""How much each caller may ask for in a time: an allowance a caller, refilled all the while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from autoquality_core.errors import RateExceeded

BURST_SECONDS = 5.0
"""What a caller has not used, it may use later: this many seconds' worth."""

MOST_CALLERS = 10_000
"""Callers that are remembered; of more, those that were seen longest ago begin anew."""


class Allowance:
    """A token bucket; times are seconds of a monotonic clock. Guarded by its owner's lock."""

    def __init__(self, per_second: float, now: float) -> None:
        """Full at first: BURST_SECONDS' worth, and 1 at least."""
        self._per_second = per_second
        self._most = max(1.0, per_second * BURST_SECONDS)
        self._left = self._most
        self._at = now

    def take(self, amount: float, now: float) -> float:
        """Take `amount`; gives 0, or the seconds until it could be taken, and takes nothing.

        What is more than a full allowance is taken from a full one, which is
        then overdrawn: it is paid back before anything else is given.
        """
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        missing = min(amount, self._most) - self._left
        if missing > 0:
            return missing / self._per_second
        self._left -= amount
        return 0.0


class Rates:
    """The allowances of all callers in one unit. Thread-safe, bounded in memory."""

    def __init__(self, unit: str, per_second: float) -> None:
        """`unit` is for the message ("megapixels"); `per_second` 0 is without a limit."""
        self._unit = unit
        self._per_second = per_second
        self._lock = threading.Lock()
        self._callers: OrderedDict[str, Allowance] = OrderedDict()

    def __len__(self) -> int:
        """Callers that are remembered."""
        return len(self._callers)

    def take(self, caller: str, amount: float) -> None:
        """Take `amount` from the caller's allowance. Raises RateExceeded if it has not enough."""
        if not self._per_second:
            return
        now = time.monotonic()
        with self._lock:
            allowance = self._callers.setdefault(caller, Allowance(self._per_second, now))
            self._callers.move_to_end(caller)
            if len(self._callers) > MOST_CALLERS:
                self._callers.popitem(last=False)
            wait = allowance.take(amount, now)
        if wait > 0:
            raise RateExceeded(caller, f"at most {self._per_second:g} {self._unit} a second", wait)
