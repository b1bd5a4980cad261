"""The goals: a byte limit, or a score."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from autoquality_core.runtime.arrays import Bools, Doubles
from autoquality_core.search.base import Goal, Observation, Prospects, Scale, normal_cdf
from autoquality_core.search.bounds import Interval
from autoquality_core.types import Outcome


@dataclass(frozen=True, slots=True)
class SizeGoal(Goal):
    """The highest quality whose file has at most `target` bytes, for an image of `pixels`.

    A file that leaves at most `spare` bytes unused is good enough, even if a higher quality fits.
    """

    target: float
    pixels: int
    spare: float = 0.0
    wants_highest: ClassVar[bool] = True

    def values(self, seen: Observation) -> tuple[float, ...]:
        return (math.log(seen.size_bytes / self.pixels),)

    @property
    def aim(self) -> float:
        return math.log(self.target / self.pixels)

    @property
    def width(self) -> float:
        return self.aim - self._least

    def accepts(self, seen: Observation) -> bool:
        return seen.size_bytes <= self.target

    def finished(self, seen: Observation) -> bool:
        return 0 <= self.target - seen.size_bytes <= self.spare and self.spare > 0

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        fitting = [one for one in seen if one.size_bytes <= self.target]
        if fitting:
            return max(fitting, key=lambda one: one.quality)
        at_bound = [one for one in seen if one.quality == low]
        return at_bound[0] if at_bound else min(seen, key=lambda one: one.size_bytes)

    def open(self, seen: Sequence[Observation], intervals: Sequence[Interval], high: int) -> Bools:
        lower = intervals[0].lower
        may_fit: Bools = lower <= self.aim
        fitting = [one.quality for one in seen if one.size_bytes <= self.target]
        if fitting:
            qualities = np.arange(high - lower.size + 1, high + 1)
            may_fit &= qualities > max(fitting)
        else:
            may_fit[-1] = True  # curves may fall: the other end is tried before giving up
        return may_fit

    def fits(self, mean: Doubles, deviation: Doubles) -> Doubles:
        """The probability that each quality fits, if values have this normal distribution."""
        return normal_cdf((self.aim - mean) / deviation)

    def away(self, curves: Sequence[Doubles]) -> Doubles:
        # Of the target, alpha and metadata may leave less than what may stay unused of the whole.
        middle = self.target - min(self.spare, self.target) / 2
        return np.abs(curves[0] - math.log(middle / self.pixels))

    def prospects(self, means: Sequence[Doubles], deviations: Sequence[Doubles]) -> Prospects:
        wasteful = fits = self.fits(means[0], deviations[0])
        if self.spare:
            wasteful = normal_cdf((self._least - means[0]) / deviations[0])
        highest = wasteful * np.append(1 - fits[1:], 1.0)
        return Prospects(fits - wasteful, highest, np.zeros_like(fits))

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        fits = best.size_bytes <= self.target
        return Outcome.TARGET_MET if fits else Outcome.MIN_QUALITY_REACHED

    @property
    def _least(self) -> float:
        """The value of the smallest file that is good enough."""
        least = self.target - self.spare
        return math.log(least / self.pixels) if least > 0 else -math.inf


@dataclass(frozen=True, slots=True)
class ScoreGoal(Goal):
    """A score within `error` of `target`, or else the nearest to it.

    If even the lowest quality of the range looks too good, it is the answer.

    A *loss* is a score with its sign chosen so that lower looks better.
    """

    scale: Scale
    target: float
    error: float
    wants_highest: ClassVar[bool] = False

    def values(self, seen: Observation) -> tuple[float, ...]:
        return (self.scale.value(seen.measured),)

    @property
    def aim(self) -> float:
        return self.scale.value(self.target)

    @property
    def width(self) -> float:
        worst, finest = self.good_values
        best = self.scale.low if self.scale.lower_is_better else self.scale.high
        return (self.scale.value(best) if finest is None else finest) - worst

    def finished(self, seen: Observation) -> bool:
        return abs(seen.measured - self.target) <= self.error

    def is_too_good(self, seen: Observation) -> bool:
        """True for a score that is better than the target by more than twice the error."""
        return self._loss(self.target) - self._loss(seen.measured) > 2 * self.error

    def lowest_too_good(self, seen: Sequence[Observation], low: int) -> Observation | None:
        """The probe at quality `low` if it looks too good."""
        for one in seen:
            if one.quality == low and self.side([one]) == -1 and not self.finished(one):
                return one
        return None

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        if lowest := self.lowest_too_good(seen, low):
            return lowest
        for one in seen:
            if self.finished(one):
                return one
        bound = {1: high, -1: low}.get(self.side(seen))
        for one in seen:
            if one.quality == bound:
                return one
        return min(
            seen, key=lambda one: (abs(one.measured - self.target), self._loss(one.measured))
        )

    def side(self, seen: Sequence[Observation]) -> int:
        """1 if all scores are poorer than the target, -1 if all are better, else 0."""
        target, losses = self._loss(self.target), [self._loss(one.measured) for one in seen]
        if all(one > target for one in losses):
            return 1
        return -1 if all(one < target for one in losses) else 0

    def crossed(self, seen: Sequence[Observation]) -> bool:
        scores = [one.measured for one in seen]
        return bool(scores) and min(scores) < self.target < max(scores)

    def open(self, seen: Sequence[Observation], intervals: Sequence[Interval], high: int) -> Bools:
        low = high - intervals[0].lower.size + 1
        if self.lowest_too_good(seen, low):
            return np.zeros(intervals[0].lower.shape, np.bool_)
        least, most = self.scale.score(intervals[0].upper), self.scale.score(intervals[0].lower)
        if not self.scale.lower_is_better:
            least, most = -least, -most
        target, losses = self._loss(self.target), [self._loss(one.measured) for one in seen]
        if self.side(seen):
            # All probes are on one side. A quality matters if it may be good enough; if none is,
            # the bound is the answer, even if another quality comes nearer to the target.
            return (least <= target + self.error) & (most >= target - self.error)
        nearest = min(losses, key=lambda loss: (abs(loss - target), loss))
        gap = abs(nearest - target)
        ties_win = nearest > target  # of two equally near, the better-looking one
        reaches = most >= target - gap if ties_win else most > target - gap
        return (least < target + gap) & reaches

    def chances(self, mean: Doubles, deviation: Doubles) -> tuple[Doubles, Doubles, Doubles]:
        """The probabilities that each quality is good enough, too poor, or too good."""
        worst, finest = self.good_values
        too_poor = normal_cdf((worst - mean) / deviation)
        too_good = np.zeros_like(mean)
        if finest is not None:
            too_good = 1 - normal_cdf((finest - mean) / deviation)
        return 1 - too_poor - too_good, too_poor, too_good

    def prospects(self, means: Sequence[Doubles], deviations: Sequence[Doubles]) -> Prospects:
        good, too_poor, too_good = self.chances(means[0], deviations[0])
        zero = np.zeros_like(good)
        # If even the bound is too good or too poor, the bound is the answer.
        good[0] += too_good[0]
        good[-1] += too_poor[-1]
        return Prospects(good, zero, zero)

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        if self.finished(best):
            return Outcome.TARGET_MET
        if self.lowest_too_good([best], low):
            return Outcome.MIN_QUALITY_REACHED
        if best.quality == high and self.side(seen) == 1:
            return Outcome.MAX_QUALITY_REACHED
        return Outcome.NEAREST_QUALITY

    @property
    def good_values(self) -> tuple[float, float | None]:
        """The values of the worst and the best good score; None if no score is too good."""
        sign = 1 if self.scale.lower_is_better else -1
        perfect = self.scale.low if self.scale.lower_is_better else self.scale.high
        worst = self.scale.value(self.target + sign * self.error)
        finest = self.target - sign * self.error
        return worst, self.scale.value(finest) if sign * finest > sign * perfect else None

    def _loss(self, score: float) -> float:
        return score if self.scale.lower_is_better else -score
