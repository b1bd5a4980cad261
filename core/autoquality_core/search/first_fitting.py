"""A byte limit met with few encodings, mostly one, and without a proof that no more would fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autoquality_core.search.base import Observation
from autoquality_core.search.curve import CurveModel, CurvePrior
from autoquality_core.search.engine import ALL_DIFFERENT, Found
from autoquality_core.search.goals import SizeGoal
from autoquality_core.types import MAX_QUALITY, Outcome

SURE = 0.8
"""The least probability of meeting the limit for a quality that is tried."""


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
    while (quality := _next(goal, model, seen, low, high, equivalents)) is not None:
        if seen and not may_continue(quality):
            return Found(goal.best(seen, low, high), Outcome.DEADLINE_REACHED)
        if take(quality):
            break
    best = goal.best(seen, low, high)
    outcome = goal.outcome(best, seen, low, high)
    return Found(best, Outcome.PREDICTION_TRUSTED if outcome is Outcome.TARGET_MET else outcome)


def _next(
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
