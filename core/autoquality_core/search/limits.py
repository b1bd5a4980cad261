"""A goal under limits on bytes and scores, which hold together with its target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoquality_core.runtime.arrays import Bools, Doubles
from autoquality_core.search.base import (
    Goal,
    Observation,
    Prospects,
    Scale,
    is_worse,
    normal_cdf,
)
from autoquality_core.search.bounds import Interval
from autoquality_core.search.goals import ScoreGoal, SizeGoal
from autoquality_core.types import Outcome


@dataclass(frozen=True, slots=True)
class ScoreLimit:
    """The worst score that an answer may have.

    It is the score `at` this index of `Observation.others`; None: the score of the goal's metric.
    `outcome` is that of a search which this limit ends. Where it decides the answer, a score that
    is better by at most `error` is good enough.
    """

    scale: Scale
    worst: float
    outcome: Outcome
    at: int | None = None
    error: float = 0.0

    def keeps(self, seen: Observation) -> bool:
        """True if a probe is within the limit."""
        return not is_worse(self.scale, self._score(seen), self.worst)

    def is_close(self, seen: Observation) -> bool:
        """True if a probe that is within the limit is close enough to it."""
        return self.error > 0 and abs(self._score(seen) - self.worst) <= self.error

    def value(self, seen: Observation) -> float:
        """The value of a probe on the curve of the limit."""
        return self.scale.value(self._score(seen))

    @property
    def aim(self) -> float:
        """The value that just is within the limit."""
        return self.scale.value(self.worst)

    @property
    def far(self) -> float:
        """The best value that is close enough."""
        return self.scale.value(self.worst + (-1 if self.scale.lower_is_better else 1) * self.error)

    @property
    def curve(self) -> int:
        """The index of its curve in a `LimitedGoal`."""
        return 0 if self.at is None else self.at + 1

    def _score(self, seen: Observation) -> float:
        return seen.measured if self.at is None else seen.others[self.at]


@dataclass(frozen=True, slots=True)
class LimitedGoal(Goal):
    """The best answer to `goal` among the qualities within all limits.

    That is the answer of `goal` itself, except where a limit takes the place of a bound of the
    range: if all qualities within the limits look too poor, the highest of them, and if all look
    too good, the lowest. Of those that look clearly too good, one that is close enough to a limit
    ends the search, and so does the lowest quality of the range. If no quality is within all
    limits, the one on bytes counts: the answer is the highest quality within it, or else the lowest
    of all.

    A `SizeGoal` has its limit on bytes in its target. For a `ScoreGoal` it is `max_bytes`, for an
    image of `pixels`. The curves are that of `goal`, one for each of `Observation.others`, and that
    of sizes if `max_bytes` is finite.
    """

    goal: ScoreGoal | SizeGoal
    scores: tuple[ScoreLimit, ...] = ()
    max_bytes: float = math.inf
    pixels: int = 1

    @property
    def wants_highest(self) -> bool:
        return self.goal.wants_highest

    @property
    def fallback(self) -> tuple[SizeGoal, int] | None:
        if isinstance(self.goal, SizeGoal):
            return replace(self.goal, spare=0.0), 0
        return None if self._fitting is None else (self._fitting, -1)

    @property
    def aim(self) -> float:
        return self.goal.aim

    @property
    def width(self) -> float:
        return self.goal.width

    def values(self, seen: Observation) -> tuple[float, ...]:
        others = tuple(one.value(seen) for one in self.scores if one.at is not None)
        sizes = () if self._fitting is None else self._fitting.values(seen)
        return self.goal.values(seen) + others + sizes

    def accepts(self, seen: Observation) -> bool:
        fits = self.goal.target if isinstance(self.goal, SizeGoal) else self.max_bytes
        return seen.size_bytes <= fits and self._keeps_scores(seen)

    def finished(self, seen: Observation) -> bool:
        return self.accepts(seen) and (self.goal.finished(seen) or self._close(seen) is not None)

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        within = [one for one in seen if self.accepts(one)]
        if not within:
            if self.fallback is None:
                return max(seen, key=lambda one: one.quality)
            return self.fallback[0].best(seen, low, high)
        if lowest := self._lowest_too_good(within, low):
            return lowest
        side = self._side(within)
        if not side:
            return self.goal.best(within, low, high)
        if finished := [one for one in within if self.finished(one)]:
            return max(finished, key=self.goal.finished)  # rather than only close to a limit
        return max(within, key=lambda one: side * one.quality)

    def crossed(self, seen: Sequence[Observation]) -> bool:
        return self.goal.crossed(seen) or any(
            len({one.keeps(probe) for probe in seen}) == 2 for one in self.scores
        )

    def open(self, seen: Sequence[Observation], intervals: Sequence[Interval], high: int) -> Bools:
        may_be_within = self._may_be_within(intervals)
        within = [one for one in seen if self.accepts(one)]
        if not within:
            return may_be_within
        if self._lowest_too_good(within, high - may_be_within.size + 1):
            return np.zeros_like(may_be_within)
        good = self.goal.open(within, intervals[:1], high) & may_be_within
        if self._excludes_target:
            good[:] = False  # no score is both within the limit and good enough
        side = self._side(within)
        qualities = np.arange(high - good.size + 1, high + 1)
        untried = ~np.isin(qualities, [one.quality for one in seen])
        if not side or (good & untried).any():
            return good
        # None is good enough, so a limit decides, unless the target lies between two qualities.
        beyond = side * qualities > max(side * one.quality for one in within)
        if self._excludes_target:
            return beyond & may_be_within
        lower, upper = intervals[0]
        across = upper >= self.aim if side > 0 else lower <= self.aim
        return (beyond | across) & may_be_within

    def away(self, curves: Sequence[Doubles]) -> Doubles:
        """The distance in qualities where a limit moves the answer, else that of the goal."""
        away = self.goal.away(curves[:1])
        if isinstance(self.goal, SizeGoal):
            return away  # the limit on bytes counts first
        target = at = int(np.argmin(away))
        for one in self.scores:
            at = max(at, int(np.argmin(np.abs(curves[one.curve] - one.aim))))
        if self._fitting is not None:
            at = min(at, int(np.argmin(self._fitting.away(curves[-1:]))))
        return away if at == target else np.abs(np.arange(away.size) - at).astype(np.float64)

    def prospects(self, means: Sequence[Doubles], deviations: Sequence[Doubles]) -> Prospects:
        fits = looks = far = np.ones_like(means[0])
        own = close = np.zeros_like(means[0])
        for one in self.scores:
            mean, deviation = means[one.curve], deviations[one.curve]
            over = normal_cdf((one.aim - mean) / deviation)
            if one.at is None:
                own, close = over, self._chance_of_close(one, mean, deviation)
            else:
                looks = looks * (1 - over)
                near = normal_cdf((one.far - mean) / deviation) - over
                far = far * (1 - near / np.maximum(1 - over, 1e-12))
        if self._fitting is not None:
            fits = self._fitting.fits(means[-1], deviations[-1])
        if isinstance(self.goal, SizeGoal):
            ends, highest, lowest = self.goal.prospects(means[:1], deviations[:1])
            return Prospects(looks * ends, looks * highest, lowest)
        good, too_poor, too_good = _without_worst(own, *self.goal.chances(means[0], deviations[0]))
        rest, looks = fits * looks, looks * (1 - own)
        too_far = np.maximum(too_good - close, 0.0) * far
        ends = rest * (good + too_good - too_far)
        highest = rest * too_poor
        lowest = rest * too_far
        # A bound of the range needs no proof.
        ends[0] += lowest[0]
        ends[-1] += highest[-1]
        highest[:-1] *= 1 - fits[1:]
        lowest[1:] *= 1 - looks[:-1]
        highest[-1] = lowest[0] = 0.0
        return Prospects(ends, highest, lowest)

    def _chance_of_close(self, own: ScoreLimit, mean: Doubles, deviation: Doubles) -> Doubles:
        """The probability that each quality is close to the limit on the goal's own score."""
        finest = None if isinstance(self.goal, SizeGoal) else self.goal.good_values[1]
        if finest is None or finest >= own.far:
            return np.zeros_like(mean)
        least = max(own.aim, finest)
        return normal_cdf((own.far - mean) / deviation) - normal_cdf((least - mean) / deviation)

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        if not self._keeps_scores(best) or best.size_bytes > self.max_bytes:
            return Outcome.LIMITS_CONFLICT
        if close := self._close(best):
            return close.outcome
        within = [one for one in seen if self.accepts(one)]
        side = self._side(within)
        beyond = [one for one in seen if side * one.quality > side * best.quality]
        if self.finished(best) or not side or not beyond:
            return self.goal.outcome(best, within or seen, low, high)
        broken = min(beyond, key=lambda one: side * one.quality)
        if broken.size_bytes > self.max_bytes:
            return Outcome.MAX_BYTES_REACHED
        return next(one.outcome for one in self.scores if not one.keeps(broken))

    @property
    def _fitting(self) -> SizeGoal | None:
        return SizeGoal(self.max_bytes, self.pixels) if self.max_bytes < math.inf else None

    @property
    def _excludes_target(self) -> bool:
        """Whether no score that is good enough is within the limit on the goal's own score."""
        if isinstance(self.goal, SizeGoal):
            return False
        finest = self.goal.good_values[1]
        return finest is not None and any(
            one.at is None and one.aim > finest for one in self.scores
        )

    def _keeps_scores(self, seen: Observation) -> bool:
        return all(one.keeps(seen) for one in self.scores)

    def _close(self, seen: Observation) -> ScoreLimit | None:
        """The limit that a probe is close to, if it looks clearly too good for the goal."""
        if isinstance(self.goal, SizeGoal) or not self.goal.is_too_good(seen):
            return None
        return next((one for one in self.scores if one.is_close(seen)), None)

    def _lowest_too_good(self, within: Sequence[Observation], low: int) -> Observation | None:
        """As that of a `ScoreGoal`; None for a `SizeGoal`."""
        return None if isinstance(self.goal, SizeGoal) else self.goal.lowest_too_good(within, low)

    def _side(self, within: Sequence[Observation]) -> int:
        """1 if all look too poor, -1 if all look too good, else 0; 0 for a `SizeGoal`."""
        return 0 if isinstance(self.goal, SizeGoal) else self.goal.side(within)

    def _may_be_within(self, intervals: Sequence[Interval]) -> Bools:
        may_be: Bools = np.ones(intervals[0].lower.shape, np.bool_)
        for one in self.scores:
            may_be &= intervals[one.curve].upper >= one.aim
        if self.fallback is not None:
            sizes, at = self.fallback
            may_be &= intervals[at].lower <= sizes.aim
        return may_be


def _without_worst(
    share: Doubles, good: Doubles, too_poor: Doubles, too_good: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    """What is left of the chances if the worst scores, with this probability, do not count."""
    return (
        np.clip(good + too_poor - share, 0.0, good),
        np.maximum(too_poor - share, 0.0),
        np.minimum(too_good, 1 - share),
    )
