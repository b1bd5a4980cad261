"""Estimates for callers that are refused because too much is queued."""

from __future__ import annotations

_NEWEST_WEIGHT = 0.2
_SHORTEST_RETRY = 0.05
_LONGEST_RETRY = 30.0
_FIRST_GUESS = 0.5
"""Seconds for one request, before the first measurement."""


class MovingAverage:
    """An exponentially weighted mean; each new measurement has a weight of 0.2.

    `value` is 0 before the first measurement. Not thread-safe.
    """

    def __init__(self) -> None:
        self.value = 0.0
        self._weight = 1.0

    def add(self, measurement: float) -> None:
        self.value += self._weight * (measurement - self.value)
        self._weight = _NEWEST_WEIGHT


def retry_hint(seconds: float) -> float:
    """`seconds` within the range that a refused caller is asked to wait: 0.05 to 30 s."""
    return min(max(seconds, _SHORTEST_RETRY), _LONGEST_RETRY)


class ThroughputEstimator:
    """Measures finished pixels per second. Guarded by its owner's lock.

    Only time at full capacity counts: an idle worker finishes nothing.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._full_since: float | None = None
        self._mean_gap = MovingAverage()
        self._mean_pixels = MovingAverage()

    def set_full(self, full: bool, now: float) -> None:
        """Note whether there is free capacity from `now` (seconds, monotonic) on."""
        if not full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now

    def finished(self, pixels: int, now: float) -> None:
        """Note the end of a request of `pixels`."""
        if self._full_since is None:
            return
        gap, self._full_since = now - self._full_since, now
        self._mean_gap.add(gap)
        self._mean_pixels.add(pixels)

    def seconds(self, pixels: int, requests: int) -> float:
        """How long `requests` with `pixels` between them will take."""
        if not self._mean_pixels.value:
            return _FIRST_GUESS * requests / self._workers
        return pixels * self._mean_gap.value / self._mean_pixels.value
