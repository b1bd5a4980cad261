"""Estimates for callers that are refused because too much is queued."""

from __future__ import annotations

_NEWEST_WEIGHT = 0.2
_SHORTEST_RETRY = 0.05
_LONGEST_RETRY = 30.0


class MovingAverage:
    """An exponentially weighted mean; each new measurement has a weight of 0.2.

    `value` is 0 before the first measurement. Not thread-safe.
    """

    def __init__(self) -> None:
        self.value = 0.0
        self._weight = 1.0

    def add(self, measurement: float) -> None:
        """Include a measurement."""
        self.value += self._weight * (measurement - self.value)
        self._weight = _NEWEST_WEIGHT


def retry_hint(seconds: float) -> float:
    """`seconds` within the range that a refused caller is asked to wait: 0.05 to 30 s."""
    return min(max(seconds, _SHORTEST_RETRY), _LONGEST_RETRY)
