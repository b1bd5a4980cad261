"""What probes rule out about the qualities that were not probed.

A curve of values over quality (log bytes, or the values of a metric) rises, but not strictly:
it may fall by an *allowance*, v(p) - allowance <= v(q) for p < q. So each probe bounds every
other quality from one side. If an encoder codes differently from some quality on, the curve has a
break there, and another allowance holds between its two parts.

Two probes that break the assumption widen the allowance for this image to twice their distance, at
most to `WIDEST` times the learned one. A JPEG that is saved again at its own quality is almost
identical there, and such a spike must not open every quality again. Where a curve falls further, as
it may on images with little detail, the search can miss a better answer; it ends in time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from autoquality_core.runtime.arrays import Bools, Doubles

WIDEST = 4
"""The most that an allowance may be widened, as a factor."""


@dataclass(frozen=True, slots=True)
class Roughness:
    """How far a curve may fall, in its units (natural logarithms): 0.05 is 5 %.

    `allowance` holds between qualities of one part of the curve, `across` between its parts. A new
    part begins at each quality in `breaks`. Between qualities of one part from `smooth_from` on,
    `smooth` holds, too. So does `near[d - 1]` between qualities that are d apart; its last entry
    also holds for larger distances, since a smooth curve has risen again by then. Images exceed
    `near` here and there, so `margin` is added to it once the target lies between probes.
    """

    allowance: float
    across: float = 0.0
    breaks: tuple[int, ...] = ()
    near: tuple[float, ...] = ()
    margin: float = math.inf
    smooth: float = math.inf
    smooth_from: int | None = None


class Interval(NamedTuple):
    """The least and the greatest value possible at each quality; exact where it was probed."""

    lower: Doubles
    upper: Doubles


class Bounds:
    """Lower and upper bounds of a nearly monotone curve at `low`..`high`."""

    def __init__(self, low: int, high: int, roughness: Roughness) -> None:
        self.qualities = np.arange(low, high + 1)
        self._roughness = roughness
        self._values = np.full(self.qualities.shape, np.nan)

    @property
    def allowance(self) -> float:
        """How far a part of the curve may fall, given its probes."""
        fall = max(_fall(self._values[part]) for part in self._parts)
        return self._widened(self._roughness.allowance, fall)

    def add(self, quality: int, value: float) -> None:
        self._values[quality - self.qualities[0]] = value

    def interval(self, *, crossed: bool = False) -> Interval:
        """The bounds at each quality; `crossed` says that the target lies between probes."""
        if np.isnan(self._values).all():
            shape = self._values.shape
            return Interval(np.full(shape, -np.inf), np.full(shape, np.inf))
        within = self.allowance
        across = self._widened(max(self._roughness.across, within), _fall(self._values))
        # Unprobed qualities neither raise a maximum nor lower a minimum.
        low = np.where(self.unprobed(), -np.inf, self._values)
        high = np.where(self.unprobed(), np.inf, self._values)
        lower = np.maximum.accumulate(low) - across
        upper = np.minimum.accumulate(high[::-1])[::-1] + across
        allowed = [(part, within) for part in self._parts]
        for part in self._smooth_parts:
            fall = _fall(self._values[part])
            allowed.append((part, self._widened(self._roughness.smooth, fall)))
        for part, most in allowed:
            lower[part] = np.maximum(lower[part], np.maximum.accumulate(low[part]) - most)
            back = np.minimum.accumulate(high[part][::-1])[::-1] + most
            upper[part] = np.minimum(upper[part], back)
        for apart, most in enumerate(self._near(crossed=crossed), start=1):
            if apart < low.size:
                lower[apart:] = np.maximum(lower[apart:], low[:-apart] - most)
                upper[:-apart] = np.minimum(upper[:-apart], high[apart:] + most)
        probed = ~self.unprobed()
        lower[probed] = upper[probed] = self._values[probed]
        return Interval(lower, upper)

    def unprobed(self) -> Bools:
        """A mask over `qualities`: True where nothing was tried yet."""
        return np.asarray(np.isnan(self._values))

    def _near(self, *, crossed: bool) -> tuple[float, ...]:
        """The allowances by distance; none if probes contradict them."""
        near = self._roughness.near
        margin = self._roughness.margin if crossed else 0.0
        if not near or _fall(self._values) > max(near):
            return ()
        allowed = tuple(most + margin for most in near)
        return allowed + (allowed[-1],) * (self.qualities.size - len(near))

    def _widened(self, allowance: float, fall: float) -> float:
        return min(max(allowance, 2 * fall), WIDEST * allowance)

    @cached_property
    def _parts(self) -> list[slice]:
        """The parts of the range, in order, none empty."""
        inside = (at - int(self.qualities[0]) for at in self._roughness.breaks)
        cuts = [0, *(at for at in inside if 0 < at < self.qualities.size), self.qualities.size]
        return [slice(*pair) for pair in pairwise(cuts)]

    @cached_property
    def _smooth_parts(self) -> list[slice]:
        """What of each part is smooth."""
        if self._roughness.smooth_from is None:
            return []
        start = self._roughness.smooth_from - int(self.qualities[0])
        found = (slice(max(part.start, start), part.stop) for part in self._parts)
        return [part for part in found if part.start < part.stop]


def _fall(values: Doubles) -> float:
    """How far probes fall; NaN stands for none."""
    probed = values[~np.isnan(values)]
    return float((np.maximum.accumulate(probed) - probed).max(initial=0.0))
