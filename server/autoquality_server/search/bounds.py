"""What probes say about the qualities that were not probed.

The curve of a value over quality (log bytes, or -log DSSIM: both rise with
quality) is taken to be nearly monotone: it never falls more than `allowance`
below where it has been, that is v(p) - allowance <= v(q) for p < q. Each probe
then bounds every other quality from one side. A probe pair that breaks the
assumption widens the allowance for this image to twice what was seen, and at
most `WIDEST` times: a JPEG saved anew at its own quality comes out all but
identical there, and a spike like that must not open every quality again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WIDEST = 4
"""How many times its learned size the allowance may become."""


class Bounds:
    """Lower and upper bounds of a nearly monotone curve at `low`..`high`.

    `allowance` is in the curve's units (natural logarithms): 0.05 lets it
    turn back by 5 %.
    """

    def __init__(self, low: int, high: int, allowance: float) -> None:
        self.qualities = np.arange(low, high + 1)
        self._allowance = allowance
        self._probed: dict[int, float] = {}
        self._unprobed = np.ones(self.qualities.shape, np.bool_)

    @property
    def allowance(self) -> float:
        """How far the curve may turn back, in view of what was seen of it."""
        values = np.array([self._probed[q] for q in sorted(self._probed)])
        if values.size < 2:
            return self._allowance
        falls = np.maximum.accumulate(values) - values
        seen = 2 * float(falls.max())
        return min(max(self._allowance, seen), WIDEST * self._allowance)

    def add(self, quality: int, value: float) -> None:
        """Take in one probe."""
        self._probed[quality] = value
        self._unprobed[self.qualities == quality] = False

    def interval(self) -> tuple[FloatArray, FloatArray]:
        """The least and the greatest value possible at each of `qualities`; exact where probed."""
        lower = np.full(self.qualities.shape, -np.inf)
        upper = np.full(self.qualities.shape, np.inf)
        allowance = self.allowance
        for quality, value in self._probed.items():
            above = self.qualities > quality
            lower[above] = np.maximum(lower[above], value - allowance)
            below = self.qualities < quality
            upper[below] = np.minimum(upper[below], value + allowance)
        for quality, value in self._probed.items():
            here = self.qualities == quality
            lower[here] = upper[here] = value
        return lower, upper

    def unprobed(self) -> npt.NDArray[np.bool_]:
        """A mask over `qualities`: True where nothing was tried yet."""
        return self._unprobed.copy()
