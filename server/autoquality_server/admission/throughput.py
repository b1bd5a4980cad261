"""Estimates the time of waiting work, for the retry hint of refused callers."""

from __future__ import annotations

_FIRST_GUESS = 0.5
"""Seconds for one request, before the first measurement."""
_NEWEST_SHARE = 0.2
"""Weight of the newest measurement in a moving average."""
_SHORTEST_RETRY = 0.05
_LONGEST_RETRY = 30.0


def moving_average(mean: float, newest: float) -> float:
    """The exponentially weighted moving average after one more measurement."""
    return mean + _NEWEST_SHARE * (newest - mean)


def retry_hint(seconds: float) -> float:
    """Seconds after which to retry, for work that takes about `seconds`: 0.05 to 30."""
    return min(max(seconds, _SHORTEST_RETRY), _LONGEST_RETRY)


class ThroughputEstimator:
    """Measures finished pixels per second. Guarded by its owner's lock.

    Only time at full capacity counts: an idle worker finishes nothing.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._full_since: float | None = None
        self._mean_gap = 0.0
        self._mean_pixels = 0.0

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
        if not self._mean_pixels:
            self._mean_gap, self._mean_pixels = gap, float(pixels)
            return
        self._mean_gap = moving_average(self._mean_gap, gap)
        self._mean_pixels = moving_average(self._mean_pixels, pixels)

    def seconds(self, pixels: int, requests: int) -> float:
        """How long `requests` with `pixels` between them will take."""
        if not self._mean_pixels:
            return _FIRST_GUESS * requests / self._workers
        return pixels * self._mean_gap / self._mean_pixels
