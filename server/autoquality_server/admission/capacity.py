"""What the running requests take up: workers, and pixels."""

from __future__ import annotations


class Room:
    """So many requests with so many pixels between them. Guarded by its owner's lock."""

    def __init__(self, workers: int, pixels: int) -> None:
        self._workers = workers
        self.most_pixels = pixels
        self.running = 0
        self.pixels = 0

    @property
    def is_full(self) -> bool:
        """Whether not even the smallest request fits."""
        return self.running >= self._workers or self.pixels >= self.most_pixels

    def fits(self, cost: int) -> bool:
        """Whether a request of `cost` pixels could run now."""
        return not self.is_full and self.pixels + cost <= self.most_pixels

    def take(self, cost: int) -> None:
        self.running += 1
        self.pixels += cost

    def give(self, cost: int) -> None:
        self.running -= 1
        self.pixels -= cost
