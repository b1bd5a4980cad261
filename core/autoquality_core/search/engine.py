"""The loops: try a quality, learn, stop when nothing untried can change the answer.

A byte limit can also be met with few encodings, mostly one, and without a proof that no more would
fit: `first_fitting`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from autoquality_core.search.acquisition import ALL_DIFFERENT, Acquisition
from autoquality_core.search.base import Goal, Observation
from autoquality_core.search.curve import CurveModel, CurvePrior
from autoquality_core.search.goals import SizeGoal
from autoquality_core.types import MAX_QUALITY, Outcome

SURE = 0.8
"""The least probability of meeting the limit for a quality that is tried."""

Stop: TypeAlias = Callable[[Acquisition], bool]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: an observation that was made, and how the search ended."""

    best: Observation
    outcome: Outcome


def search(
    goal: Goal,
    low: int,
    high: int,
    attempt: Callable[[int], Observation],
    *,
    prior: CurvePrior | Sequence[CurvePrior],
    first: int | None = None,
    equivalents: Sequence[int] = ALL_DIFFERENT,
    may_continue: Callable[[int], bool] = lambda _quality: True,
    attempt_two: Callable[[int, int], Sequence[Observation]] | None = None,
    stop: Stop | None = None,
) -> Found:
    """Find the quality in [low, high] that `goal` asks for.

    `attempt` encodes at one quality, at most once for each. `prior` is that of the goal's curve, or
    a sequence for its curves. `first` is the first quality to try. `equivalents` has for each
    quality 1 to 100 the lowest one with the same file; only one of them is tried. Before every
    attempt but the first, `may_continue` is called with its quality; if it returns False, the
    search ends with the best answer so far and DEADLINE_REACHED.

    `attempt_two` encodes a second quality at the same time, if a core is free, and returns one
    observation or two. The second is speculation: the search uses it when it would have tried
    that quality next. So the answer does not depend on a free core.

    On a curve that falls no further than `prior.roughness`, trying every quality would find the
    same answer, unless the search ends after `acquisition.MOST` attempts.

    If `stop` returns True before an attempt, the search ends with the best answer so far, unproven.
    """
    priors = [prior] if isinstance(prior, CurvePrior) else prior
    acquisition = Acquisition(goal, low, high, priors, equivalents)
    ready: dict[int, Observation] = {}
    while not (stop and stop(acquisition)) and not acquisition.settled:
        started = bool(acquisition.seen)
        quality = acquisition.next() if started or first is None else min(max(first, low), high)
        if quality not in ready:
            if started and not may_continue(quality):
                best = goal.best([*acquisition.seen, *ready.values()], low, high)
                return Found(best, Outcome.DEADLINE_REACHED)
            for one in _attempted(quality, ready, acquisition, attempt, attempt_two, may_continue):
                ready[one.quality] = one
        one = ready.pop(quality)
        if goal.finished(one):
            return Found(one, goal.outcome(one, acquisition.seen, low, high))
        acquisition.take(one)
    best = goal.best(acquisition.seen, low, high)
    return Found(best, goal.outcome(best, acquisition.seen, low, high))


def _attempted(
    quality: int,
    known: Container[int],
    acquisition: Acquisition,
    attempt: Callable[[int], Observation],
    attempt_two: Callable[[int, int], Sequence[Observation]] | None,
    may_continue: Callable[[int], bool],
) -> Sequence[Observation]:
    other = None if attempt_two is None else acquisition.second(quality, known)
    if attempt_two is None or other is None or not may_continue(max(quality, other)):
        return [attempt(quality)]
    return attempt_two(quality, other)


def first_fitting(
    goal: SizeGoal,
    low: int,
    high: int,
    attempt: Callable[[int], Observation],
    *,
    prior: CurvePrior,
    first: int | None = None,
    equivalents: Sequence[int] = ALL_DIFFERENT,
    may_continue: Callable[[int], bool] = lambda _quality: True,
    **_: Any,
) -> Found:
    """The first predicted quality that meets the limit; arguments as for `search`.

    Each quality tried is the highest that meets the limit with a probability of `SURE`, given all
    encodings so far, and otherwise `low`. So the answer meets the limit if any quality tried does.
    `first` is tried to learn from it.
    """
    model = CurveModel(prior)
    seen: list[Observation] = []

    def take(quality: int) -> bool:
        seen.append(attempt(quality))
        model.observe(quality, *goal.values(seen[-1]))
        return seen[-1].size_bytes <= goal.target

    if first is not None:
        take(min(max(first, low), high))
    while (quality := _next_fitting(goal, model, seen, low, high, equivalents)) is not None:
        if seen and not may_continue(quality):
            return Found(goal.best(seen, low, high), Outcome.DEADLINE_REACHED)
        if take(quality):
            break
    best = goal.best(seen, low, high)
    outcome = goal.outcome(best, seen, low, high)
    return Found(best, Outcome.PREDICTION_TRUSTED if outcome is Outcome.TARGET_MET else outcome)


def _next_fitting(
    goal: SizeGoal,
    model: CurveModel,
    seen: Sequence[Observation],
    low: int,
    high: int,
    equivalents: Sequence[int],
) -> int | None:
    """The quality to try next; None if a quality that was tried is the answer."""
    fitting = [one.quality for one in seen if one.size_bytes <= goal.target]
    over = [equivalents[one.quality - 1] for one in seen if one.size_bytes > goal.target]
    qualities = np.arange(max(fitting, default=low - 1) + 1, min(over, default=high + 1))
    if not qualities.size:
        return None
    chances = np.zeros(MAX_QUALITY)
    for belief in model.posterior():
        chances += belief.weight * goal.fits(belief.mean, model.deviation(belief))
    sure = qualities[chances[qualities - 1] >= SURE]
    if sure.size:
        return int(sure[-1])
    return None if fitting else low
