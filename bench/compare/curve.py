"""Size and DSSIM of an image by quality, with our encoder."""

from __future__ import annotations

import math

from autoquality_core.metrics import DSSIM
from autoquality_core.types import MAX_QUALITY, MIN_QUALITY
from autoquality_train.labels.sweeps import SETTINGS
from bench.compare.subject import Subject

_NEAR = 3
"""Qualities on both sides of a crossing that are searched for another crossing."""

_LEAST = 1e-6
"""Replaces smaller DSSIMs, because 0 has no logarithm."""


class Curve:
    """Bytes and DSSIM by quality, of one image by one setting; encodes on demand."""

    def __init__(self, subject: Subject, setting: str) -> None:
        self._pixels = subject.pixels
        self._encoder = SETTINGS[setting]
        self._equivalents = self._encoder.equivalents(has_alpha=False)
        self._reference = DSSIM.reference(subject.pixels)
        self._known: dict[int, tuple[int, float]] = {}

    def at(self, quality: int) -> tuple[int, float]:
        """Bytes and DSSIM at a quality."""
        lowest = self._equivalents[quality - 1]
        if lowest not in self._known:
            data = self._encoder.encode(self._pixels, lowest)
            dssim = self._reference.score(self._encoder.decode(data, self._pixels))
            self._known[lowest] = len(data), max(dssim, _LEAST)
        return self._known[lowest]

    def bytes_at_dssim(self, dssim: float) -> float | None:
        """The fewest bytes for a DSSIM, interpolated between qualities in logarithms.

        None beyond qualities 1 to 100. A curve may fall a little and cross a DSSIM more than
        once, so the qualities near a crossing are searched, too.
        """
        low, high = MIN_QUALITY, MAX_QUALITY
        if not self.at(low)[1] >= dssim >= self.at(high)[1] or dssim <= _LEAST:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self.at(middle)[1] >= dssim:
                low = middle
            else:
                high = middle
        near = range(max(low - _NEAR, MIN_QUALITY), min(low + _NEAR, MAX_QUALITY - 1) + 1)
        return min(found for one in near if (found := self._crossing(one, dssim)) is not None)

    def _crossing(self, quality: int, dssim: float) -> float | None:
        """Bytes where the line to the next quality crosses the DSSIM; None if it does not."""
        (size, worse), (next_size, better) = self.at(quality), self.at(quality + 1)
        if not worse >= dssim >= better:
            return None
        if worse == better:
            return float(size)
        part = math.log(worse / dssim) / math.log(worse / better)
        return float(size * (next_size / size) ** part)
