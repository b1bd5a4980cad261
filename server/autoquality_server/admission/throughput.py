"""How fast work is finished while there is as much of it as can be done."""

from __future__ import annotations

_FIRST_GUESS = 0.5
"""Seconds that a request is taken to run before one has."""
_NEWEST_SHARE = 0.2
"""Weight of the newest measurement in the means."""


class Pace:
    """Measures pixels finished a second. Guarded by its owner's lock.

    Time in which there was room for more does not count: what was not asked
    for could not be finished.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._since: float | None = None
        self._mean_gap = 0.0
        self._mean_pixels = 0.0

    def note(self, busy: bool, now: float) -> None:
        """Tell whether there is no room for more from now (a monotonic clock's seconds) on."""
        if not busy:
            self._since = None
        elif self._since is None:
            self._since = now

    def finished(self, pixels: int, now: float) -> None:
        """Tell that a request of so many pixels has ended."""
        if self._since is None:
            return
        gap, self._since = now - self._since, now
        newest = _NEWEST_SHARE if self._mean_pixels else 1.0
        self._mean_gap += newest * (gap - self._mean_gap)
        self._mean_pixels += newest * (pixels - self._mean_pixels)

    def seconds(self, pixels: int, requests: int) -> float:
        """How long so many requests with so many pixels between them will take."""
        if not self._mean_pixels:
            return _FIRST_GUESS * requests / self._workers
        return pixels * self._mean_gap / self._mean_pixels
