"""What our encoder comes to on an image: to say what a file of others would have cost us."""

from __future__ import annotations

import math

from autoquality_core.metrics import DSSIM
from autoquality_core.types import MAX_QUALITY, MIN_QUALITY
from autoquality_train.sweeps import SETTINGS
from bench.compare.subject import Subject

_NEAR = 3
"""Qualities on either side of a crossing that are searched for another."""

_LEAST = 1e-6
"""A DSSIM below this is taken as this: identical files have no logarithm."""


class Curve:
    """Bytes and DSSIM by quality, of one image by one setting; encoded as they are asked for."""

    def __init__(self, subject: Subject, setting: str) -> None:
        self._pixels = subject.pixels
        self._encoder = SETTINGS[setting]
        self._equivalents = self._encoder.equivalents(has_alpha=False)
        self._reference = DSSIM.reference(subject.pixels)
        self._known: dict[int, tuple[int, float]] = {}

    def at(self, quality: int) -> tuple[int, float]:
        """Bytes and DSSIM at a quality."""
        name = self._equivalents[quality - 1]
        if name not in self._known:
            data = self._encoder.encode(self._pixels, name)
            dssim = self._reference.score(self._encoder.decode(data, self._pixels))
            self._known[name] = len(data), max(dssim, _LEAST)
        return self._known[name]

    def bytes_at_dssim(self, dssim: float) -> float | None:
        """The least bytes for a DSSIM, between qualities by a straight line in logarithms.

        None beyond qualities 1 to 100. A curve may turn back a little and so
        reach a DSSIM more than once: what lies near a crossing is looked at, too.
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
        """Bytes where the line from a quality to the next has the DSSIM; None where it has not."""
        (size, worse), (next_size, better) = self.at(quality), self.at(quality + 1)
        if not worse >= dssim >= better:
            return None
        if worse == better:
            return float(size)
        part = math.log(worse / dssim) / math.log(worse / better)
        return float(size * (next_size / size) ** part)
