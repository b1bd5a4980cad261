"""What a search looks for: which probe is best, what may still beat it, what to try next.

Both objectives see a curve v that rises with quality: log(bytes per pixel), or
the values of a metric.
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


@dataclass(frozen=True, slots=True)
class Observation:
    """What came of trying one quality; `score` is None if nothing was measured."""

    quality: int
    size_bytes: int
    score: float | None = None


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


class Scale(Protocol):
    """How a metric's scores map to the values of a curve; every `metrics.Metric` is one."""

    low: float
    high: float
    lower_is_better: bool

    def value(self, score: float) -> float:
        """The value of a score; higher looks better."""

    def score(self, value: FloatArray) -> FloatArray:
        """The scores of values."""


@dataclass(frozen=True, slots=True)
class ScoreObjective:
    """A score within `error` of `target`, or else the nearest to it.

    A *loss* is a score whose sign is such that lower looks better.
    """

    scale: Scale
    target: float
    error: float

    def value(self, seen: Observation) -> float:
        return self.scale.value(_score(seen))

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

    def candidates(
        self, seen: Sequence[Observation], lower: FloatArray, upper: FloatArray, high: int
    ) -> BoolArray:
        least, most = self._losses(upper), self._losses(lower)
        target, losses = self._loss(self.target), [self._loss(_score(one)) for one in seen]
        if not losses or min(losses) > target or max(losses) < target:
            # One side only: a quality matters if it could be good enough. The
            # answer is at the bound if none is, however near another comes.
            return (least <= target + self.error) & (most >= target - self.error)
        nearest = min(losses, key=lambda loss: (abs(loss - target), loss))
        gap = abs(nearest - target)
        ties_win = nearest > target  # the better-looking of two equally near
        reaches = most >= target - gap if ties_win else most > target - gap
        return (least < target + gap) & reaches

    def score(self, mean: FloatArray, deviation: FloatArray) -> FloatArray:
        worst, finest = self._limits()
        too_poor = _normal_cdf((worst - mean) / deviation)
        too_good = np.zeros_like(mean)
        if finest is not None:
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
        worst, finest = self._limits()
        if finest is None:
            finest = self.scale.value(
                self.scale.low if self.scale.lower_is_better else self.scale.high
            )
        found: FloatArray = np.where(np.abs(mean - mean[at]) >= finest - worst, score, 0.0)
        return found

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

    @property
    def aim(self) -> float:
        return self.scale.value(self.target)

    def _limits(self) -> tuple[float, float | None]:
        """The values of the worst and the best score allowed; None if none is too good."""
        scale, sign = self.scale, 1 if self.scale.lower_is_better else -1
        best = scale.low if scale.lower_is_better else scale.high
        worst = scale.value(self.target + sign * self.error)
        finest = self.target - sign * self.error
        return worst, scale.value(finest) if sign * finest > sign * best else None

    def _loss(self, score: float) -> float:
        return score if self.scale.lower_is_better else -score

    def _losses(self, values: FloatArray) -> FloatArray:
        scores = self.scale.score(values)
        return scores if self.scale.lower_is_better else -scores


def _normal_cdf(x: FloatArray) -> FloatArray:
    """The standard normal distribution function, elementwise, to 1e-6.

    NumPy has none of its own; a table takes a tenth of the time of a formula.
    """
    found: FloatArray = np.interp(x, _CDF_AT, _CDF)
    return found


def _score(seen: Observation) -> float:
    if seen.score is None:
        raise ValueError(f"quality {seen.quality} was not measured")
    return seen.score
