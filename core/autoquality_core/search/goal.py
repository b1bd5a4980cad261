"""What a search looks for: which probe is the best answer, and what may still beat it.

What to try next is decided in `acquisition`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from autoquality_core.search.bounds import Interval
from autoquality_core.types import Outcome

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_CDF_AT = np.linspace(-6, 6, 6001)
_CDF = np.array([0.5 * math.erfc(-at / math.sqrt(2)) for at in _CDF_AT])


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one quality; `score` is None if nothing was measured."""

    quality: int
    size_bytes: int
    score: float | None = None


class Scale(Protocol):
    """How a metric's scores map to the values of a curve; every `metrics.Metric` is one."""

    low: float
    high: float
    lower_is_better: bool

    def value(self, score: float) -> float:
        """The value of a score; higher looks better."""

    def score(self, value: FloatArray) -> FloatArray:
        """The scores of values."""


class Chances(NamedTuple):
    """The probabilities that each quality is good enough, or looks too poor or too good for it."""

    good: FloatArray
    too_poor: FloatArray
    too_good: FloatArray


class Goal(Protocol):
    """What makes an answer good.

    It depends on one or more curves of values that rise with quality. Methods that take
    `intervals` or beliefs get one for each curve, in the order of `values`.
    """

    @property
    def edge(self) -> int:
        """Which of the qualities that are good enough is the answer: 1 the highest, -1 the lowest,
        0 any of them.
        """

    def values(self, seen: Observation) -> tuple[float, ...]:
        """The values of a probe, one for each curve."""

    @property
    def aim(self) -> float:
        """The value on the first curve that a search crosses where the answer lies."""

    @property
    def width(self) -> float:
        """How far values on the first curve may differ and both be good enough."""

    def finished(self, seen: Observation) -> bool:
        """True if this probe ends the search at once."""

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        """The answer if nothing more could be tried."""

    def crossed(self, seen: Sequence[Observation]) -> bool:
        """True if the target lies between two probes, so that the answer is next to it."""

    def open(
        self, seen: Sequence[Observation], intervals: Sequence[Interval], high: int
    ) -> BoolArray:
        """Which qualities may still change the answer; `intervals` bound their values."""

    def chances(self, means: Sequence[FloatArray], deviations: Sequence[FloatArray]) -> Chances:
        """The chances of each quality, whose values are normally distributed."""

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        """How the search ended with `best` when nothing was left to try."""


@dataclass(frozen=True, slots=True)
class SizeGoal:
    """The highest quality whose file has at most `target` bytes, for an image of `pixels`."""

    target: float
    pixels: int
    edge: ClassVar[int] = 1

    def values(self, seen: Observation) -> tuple[float, ...]:
        return (math.log(seen.size_bytes / self.pixels),)

    @property
    def aim(self) -> float:
        return math.log(self.target / self.pixels)

    @property
    def width(self) -> float:
        return math.inf

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

    def open(
        self, seen: Sequence[Observation], intervals: Sequence[Interval], high: int
    ) -> BoolArray:
        lower = intervals[0].lower
        may_fit: BoolArray = lower <= self.aim
        fitting = [one.quality for one in seen if one.size_bytes <= self.target]
        if fitting:
            qualities = np.arange(high - lower.size + 1, high + 1)
            may_fit &= qualities > max(fitting)
        else:
            may_fit[-1] = True  # curves may fall: the other end is tried before giving up
        return may_fit

    def chances(self, means: Sequence[FloatArray], deviations: Sequence[FloatArray]) -> Chances:
        fits = _normal_cdf((self.aim - means[0]) / deviations[0])
        return Chances(fits, np.zeros_like(fits), 1 - fits)

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        fits = best.size_bytes <= self.target
        return Outcome.TARGET_MET if fits else Outcome.MIN_QUALITY_REACHED


@dataclass(frozen=True, slots=True)
class ScoreGoal:
    """A score within `error` of `target`, or else the nearest to it.

    A *loss* is a score with its sign chosen so that lower looks better.
    """

    scale: Scale
    target: float
    error: float
    edge: ClassVar[int] = 0

    @classmethod
    def between(cls, scale: Scale, one: float, other: float) -> ScoreGoal:
        """A score between two others, or else the nearest to them."""
        return cls(scale, (one + other) / 2, abs(one - other) / 2)

    def values(self, seen: Observation) -> tuple[float, ...]:
        return (self.scale.value(_score(seen)),)

    @property
    def aim(self) -> float:
        return self.scale.value(self.target)

    @property
    def width(self) -> float:
        worst, finest = self._limits()
        best = self.scale.low if self.scale.lower_is_better else self.scale.high
        return (self.scale.value(best) if finest is None else finest) - worst

    def finished(self, seen: Observation) -> bool:
        return abs(_score(seen) - self.target) <= self.error

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        for one in seen:
            if self.finished(one):
                return one
        target, losses = self._loss(self.target), [self._loss(_score(one)) for one in seen]
        if all(one > target for one in losses):
            bound = [one for one in seen if one.quality == high]
        elif all(one < target for one in losses):
            bound = [one for one in seen if one.quality == low]
        else:
            bound = []
        if bound:
            return bound[0]
        return min(seen, key=lambda one: (abs(_score(one) - self.target), self._loss(_score(one))))

    def crossed(self, seen: Sequence[Observation]) -> bool:
        scores = [_score(one) for one in seen]
        return bool(scores) and min(scores) < self.target < max(scores)

    def open(
        self, seen: Sequence[Observation], intervals: Sequence[Interval], high: int
    ) -> BoolArray:
        least, most = _losses(self.scale, intervals[0])
        target, losses = self._loss(self.target), [self._loss(_score(one)) for one in seen]
        if not losses or min(losses) > target or max(losses) < target:
            # All probes are on one side. A quality matters if it may be good enough; if none is,
            # the bound is the answer, even if another quality comes nearer to the target.
            return (least <= target + self.error) & (most >= target - self.error)
        nearest = min(losses, key=lambda loss: (abs(loss - target), loss))
        gap = abs(nearest - target)
        ties_win = nearest > target  # of two equally near, the better-looking one
        reaches = most >= target - gap if ties_win else most > target - gap
        return (least < target + gap) & reaches

    def chances(self, means: Sequence[FloatArray], deviations: Sequence[FloatArray]) -> Chances:
        mean, deviation = means[0], deviations[0]
        worst, finest = self._limits()
        too_poor = _normal_cdf((worst - mean) / deviation)
        too_good = np.zeros_like(mean)
        if finest is not None:
            too_good = 1 - _normal_cdf((finest - mean) / deviation)
        return Chances(1 - too_poor - too_good, too_poor, too_good)

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        if self.finished(best):
            return Outcome.TARGET_MET
        if self.crossed(seen):
            return Outcome.NEAREST_QUALITY
        away = self._loss(_score(best)) - self._loss(self.target)
        if best.quality == high and away > 0:
            return Outcome.MAX_QUALITY_REACHED
        if best.quality == low and away < 0:
            return Outcome.MIN_QUALITY_REACHED
        return Outcome.NEAREST_QUALITY

    def _limits(self) -> tuple[float, float | None]:
        """The values of the worst and the best good score; None if no score is too good."""
        sign = 1 if self.scale.lower_is_better else -1
        perfect = self.scale.low if self.scale.lower_is_better else self.scale.high
        worst = self.scale.value(self.target + sign * self.error)
        finest = self.target - sign * self.error
        return worst, self.scale.value(finest) if sign * finest > sign * perfect else None

    def _loss(self, score: float) -> float:
        return score if self.scale.lower_is_better else -score


@dataclass(frozen=True, slots=True)
class FewestBytesGoal:
    """The fewest bytes that look at least as good as the score `worst`, at most `max_bytes`.

    If nothing satisfies both, the limit on bytes counts: the answer is the best-looking file
    within it, or the smallest file if none fits.
    """

    scale: Scale
    worst: float
    pixels: int
    max_bytes: float = math.inf
    edge: ClassVar[int] = -1

    def values(self, seen: Observation) -> tuple[float, ...]:
        return self.scale.value(_score(seen)), math.log(seen.size_bytes / self.pixels)

    @property
    def aim(self) -> float:
        return self.scale.value(self.worst)

    @property
    def width(self) -> float:
        return math.inf

    def finished(self, seen: Observation) -> bool:
        return False

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        good = [one for one in seen if self._good(one)]
        if good:
            return min(good, key=lambda one: (one.size_bytes, self._loss(_score(one))))
        fitting = [one for one in seen if one.size_bytes <= self.max_bytes]
        if fitting:
            return min(fitting, key=lambda one: (self._loss(_score(one)), one.size_bytes))
        return min(seen, key=lambda one: one.size_bytes)

    def crossed(self, seen: Sequence[Observation]) -> bool:
        good = [self._loss(_score(one)) <= self._loss(self.worst) for one in seen]
        return any(good) and not all(good)

    def open(
        self, seen: Sequence[Observation], intervals: Sequence[Interval], high: int
    ) -> BoolArray:
        least_loss = _losses(self.scale, intervals[0])[0]
        least_bytes = np.exp(intervals[1].lower) * self.pixels
        may_fit: BoolArray = least_bytes <= self.max_bytes
        may_be_good = may_fit & (least_loss <= self._loss(self.worst))
        if not seen:
            return np.ones(least_loss.size, np.bool_)
        best = self.best(seen, high - least_loss.size + 1, high)
        if self._good(best):
            smaller: BoolArray = may_be_good & (least_bytes < best.size_bytes)
            return smaller
        if may_be_good.any():
            return may_be_good
        if best.size_bytes <= self.max_bytes:
            better: BoolArray = may_fit & (least_loss < self._loss(_score(best)))
            return better
        return may_fit if may_fit.any() else least_bytes < best.size_bytes

    def chances(self, means: Sequence[FloatArray], deviations: Sequence[FloatArray]) -> Chances:
        too_poor = _normal_cdf((self.aim - means[0]) / deviations[0])
        over = np.zeros_like(too_poor)
        if math.isfinite(self.max_bytes):
            limit = math.log(self.max_bytes / self.pixels)
            over = 1 - _normal_cdf((limit - means[1]) / deviations[1])
        return Chances((1 - too_poor) * (1 - over), too_poor, over)

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        if self._good(best):
            return Outcome.TARGET_MET
        if best.size_bytes > self.max_bytes:
            return Outcome.MIN_QUALITY_REACHED
        return Outcome.MAX_QUALITY_REACHED if best.quality == high else Outcome.NEAREST_QUALITY

    def _good(self, seen: Observation) -> bool:
        good_enough = self._loss(_score(seen)) <= self._loss(self.worst)
        return good_enough and seen.size_bytes <= self.max_bytes

    def _loss(self, score: float) -> float:
        return score if self.scale.lower_is_better else -score


def _losses(scale: Scale, interval: Interval) -> tuple[FloatArray, FloatArray]:
    """The least and the greatest losses of an interval of values."""
    least, most = scale.score(interval.upper), scale.score(interval.lower)
    return (least, most) if scale.lower_is_better else (-least, -most)


def _normal_cdf(x: FloatArray) -> FloatArray:
    """The standard normal distribution function, elementwise, to 1e-6.

    NumPy has none; a table takes a tenth of the time of a formula.
    """
    found: FloatArray = np.interp(x, _CDF_AT, _CDF)
    return found


def _score(seen: Observation) -> float:
    if seen.score is None:
        raise ValueError(f"quality {seen.quality} was not measured")
    return seen.score
