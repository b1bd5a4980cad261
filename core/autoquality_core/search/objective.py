"""What a search looks for: which probe is best, what may still beat it, what to try next.

Both objectives see a curve v that rises with quality: log(bytes per pixel), or
-log(DSSIM).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from autoquality_core.types import Outcome

_CDF_AT = np.linspace(-6, 6, 6001)
_CDF = np.array([0.5 * math.erfc(-at / math.sqrt(2)) for at in _CDF_AT])

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int_]

DSSIM_FLOOR = 1e-7
"""Stands for 0 where a logarithm is taken."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What came of trying one quality; `dssim` is None where nothing was measured."""

    quality: int
    size_bytes: int
    dssim: float | None = None


class Objective(Protocol):
    """A goal over qualities; see the two classes below."""

    @property
    def aim(self) -> float:
        """The value of v at the target itself."""

    def value(self, seen: Observation) -> float:
        """The curve's value v of a probe."""

    def finished(self, seen: Observation) -> bool:
        """Whether this probe ends the search at once."""

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        """The answer if nothing more could be tried."""

    def crossed(self, seen: Sequence[Observation]) -> bool:
        """Whether the target lies between two probes, so that the answer is next to it."""

    def candidates(
        self, seen: Sequence[Observation], lower: FloatArray, upper: FloatArray, high: int
    ) -> BoolArray:
        """Which qualities, whose v lies in [lower, upper], may still change the answer."""

    def score(self, mean: FloatArray, deviation: FloatArray) -> FloatArray:
        """How likely each quality is the answer; the arrays are over [low, high]."""

    def promise(
        self, score: FloatArray, seen: Sequence[Observation], twins: IntArray, low: int
    ) -> FloatArray:
        """What trying each quality of [low, high] is likely to save, in encodings.

        `score` is that of the method above, in view of `seen`; `twins` has for
        each quality what it has in common with those of the same file.
        """

    def beside(self, score: FloatArray, mean: FloatArray, at: int, twins: IntArray) -> FloatArray:
        """How likely each quality, tried beside that at `at`, is to end the search with it.

        `score` and `twins` as above, `mean` the expected curve; indices are from `low`.
        """

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        """How the search ended when `best` was chosen and nothing was left to try."""


@dataclass(frozen=True, slots=True)
class SizeObjective:
    """The highest quality whose file is no larger than `target` bytes, of `pixels` pixels."""

    target: float
    pixels: int

    def value(self, seen: Observation) -> float:
        return math.log(seen.size_bytes / self.pixels)

    def finished(self, seen: Observation) -> bool:
        return False

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        fitting = [one for one in seen if one.size_bytes <= self.target]
        if fitting:
            return max(fitting, key=lambda one: one.quality)
        at_bound = [one for one in seen if one.quality == low]
        return at_bound[0] if at_bound else min(seen, key=lambda one: one.size_bytes)

    def crossed(self, seen: Sequence[Observation]) -> bool:
        return False

    def candidates(
        self, seen: Sequence[Observation], lower: FloatArray, upper: FloatArray, high: int
    ) -> BoolArray:
        may_fit: BoolArray = lower <= self.aim
        fitting = [one.quality for one in seen if one.size_bytes <= self.target]
        if fitting:
            qualities = np.arange(high - lower.size + 1, high + 1)
            may_fit &= qualities > max(fitting)
        else:
            may_fit[-1] = True  # a curve may turn back: no answer before the other end was tried
        return may_fit

    def score(self, mean: FloatArray, deviation: FloatArray) -> FloatArray:
        fits = _normal_cdf((self.aim - mean) / deviation)
        next_fits = np.append(fits[1:], 0.0)
        answer: FloatArray = fits * (1 - next_fits)
        return answer

    def promise(
        self, score: FloatArray, seen: Sequence[Observation], twins: IntArray, low: int
    ) -> FloatArray:
        """As in Objective. An answer is proved by the next file up, which is over.

        So a file ends the search if it is the answer or the next one up, at
        once where the other of the two was tried, else with one more.
        """
        _, file = np.unique(twins, return_inverse=True)
        likely = np.bincount(file, score)
        tried = np.zeros(likely.size, np.bool_)
        tried[[file[one.quality - low] for one in seen]] = True
        none_fits = max(0.0, 1.0 - float(likely.sum()))
        # Above the last file there is none that would have to be tried, nor below the first.
        if_fits = likely * np.append(1.0 + tried[1:], 2.0)
        if_over = np.append(none_fits, likely[:-1]) * np.append(2.0, 1.0 + tried[:-1])
        promise: FloatArray = np.where(tried, 0.0, if_fits + if_over)[file]
        return promise

    def beside(self, score: FloatArray, mean: FloatArray, at: int, twins: IntArray) -> FloatArray:
        """As in Objective: the next file up is proof of an answer, the next down another answer."""
        _, file = np.unique(twins, return_inverse=True)
        likely = np.bincount(file, score)
        ours, both = file[at], np.zeros(likely.size)
        if ours + 1 < likely.size:
            both[ours + 1] = likely[ours]
        if ours > 0:
            both[ours - 1] = likely[ours - 1]
        found: FloatArray = both[file]
        return found

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        fits = best.size_bytes <= self.target
        return Outcome.TARGET_MET if fits else Outcome.MIN_QUALITY_REACHED

    @property
    def aim(self) -> float:
        return math.log(self.target / self.pixels)


@dataclass(frozen=True, slots=True)
class DssimObjective:
    """A DSSIM within `error` of `target`, or else the nearest to it."""

    target: float
    error: float

    def value(self, seen: Observation) -> float:
        return -math.log(max(_dssim(seen), DSSIM_FLOOR))

    def finished(self, seen: Observation) -> bool:
        return abs(_dssim(seen) - self.target) <= self.error

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        for one in seen:
            if self.finished(one):
                return one
        if all(_dssim(one) > self.target for one in seen):
            bound = [one for one in seen if one.quality == high]
        elif all(_dssim(one) < self.target for one in seen):
            bound = [one for one in seen if one.quality == low]
        else:
            bound = []
        if bound:
            return bound[0]
        return min(seen, key=lambda one: (abs(_dssim(one) - self.target), _dssim(one)))

    def crossed(self, seen: Sequence[Observation]) -> bool:
        values = [_dssim(one) for one in seen]
        return min(values, default=0.0) < self.target < max(values, default=0.0)

    def candidates(
        self, seen: Sequence[Observation], lower: FloatArray, upper: FloatArray, high: int
    ) -> BoolArray:
        least, most = np.exp(-upper), np.exp(-lower)
        values = [_dssim(one) for one in seen]
        if not values or min(values) > self.target or max(values) < self.target:
            # One side only: a quality matters if it could be good enough. The
            # answer is at the bound if none is, however near another comes.
            return (least <= self.target + self.error) & (most >= self.target - self.error)
        nearest = min(values, key=lambda value: (abs(value - self.target), value))
        gap = abs(nearest - self.target)
        ties_win = nearest > self.target  # the better-looking of two equally near
        reaches = most >= self.target - gap if ties_win else most > self.target - gap
        return (least < self.target + gap) & reaches

    def score(self, mean: FloatArray, deviation: FloatArray) -> FloatArray:
        worst = -math.log(max(self.target + self.error, DSSIM_FLOOR))
        too_poor = _normal_cdf((worst - mean) / deviation)
        too_good = np.zeros_like(mean)
        if self.target > self.error:
            finest = -math.log(self.target - self.error)
            too_good = 1 - _normal_cdf((finest - mean) / deviation)
        answer: FloatArray = 1 - too_poor - too_good
        # Where even the bound is too good or too poor, the bound is the answer.
        answer[0] += too_good[0]
        answer[-1] += too_poor[-1]
        return answer

    def promise(
        self, score: FloatArray, seen: Sequence[Observation], twins: IntArray, low: int
    ) -> FloatArray:
        return score

    def beside(self, score: FloatArray, mean: FloatArray, at: int, twins: IntArray) -> FloatArray:
        """As in Objective: of what is not within the allowed error together with `at`."""
        most = max(self.target + self.error, DSSIM_FLOOR)
        window = math.log(most / max(self.target - self.error, DSSIM_FLOOR))
        found: FloatArray = np.where(np.abs(mean - mean[at]) >= window, score, 0.0)
        return found

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        if self.finished(best):
            return Outcome.TARGET_MET
        if self.crossed(seen):
            return Outcome.NEAREST_QUALITY
        if best.quality == high and _dssim(best) > self.target:
            return Outcome.MAX_QUALITY_REACHED
        if best.quality == low and _dssim(best) < self.target:
            return Outcome.MIN_QUALITY_REACHED
        return Outcome.NEAREST_QUALITY

    @property
    def aim(self) -> float:
        return -math.log(max(self.target, DSSIM_FLOOR))


def _normal_cdf(x: FloatArray) -> FloatArray:
    """The standard normal distribution function, elementwise, to 1e-6.

    NumPy has none of its own; a table takes a tenth of the time of a formula.
    """
    found: FloatArray = np.interp(x, _CDF_AT, _CDF)
    return found


def _dssim(seen: Observation) -> float:
    if seen.dssim is None:
        raise ValueError(f"quality {seen.quality} was not measured")
    return seen.dssim
