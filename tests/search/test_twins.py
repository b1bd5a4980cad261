"""Qualities that give the same encoding are tried once."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM
from autoquality_core.search import (
    CurvePrior,
    Goal,
    Observation,
    ScoreGoal,
    SizeGoal,
    search,
)
from autoquality_core.types import Outcome

DSSIM_PRIOR = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=0.02)
SIZE_PRIOR = CurvePrior.smooth(-4, -1, noise=0.002, allowance=0.01)
FIRST_TWINS = [1 + 3 * ((quality - 1) // 3) for quality in range(1, 101)]
"""1, 1, 1, 4, 4, 4, ..."""


def run(objective: Goal, prior: CurvePrior, low: int, high: int) -> tuple[int, Outcome]:
    """The quality found and how; whatever is tried is no twin of what was tried before."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        name = FIRST_TWINS[quality - 1]
        assert name not in [FIRST_TWINS[one - 1] for one in tried]
        tried.append(quality)
        return Observation(quality, 1000 * name, float(np.exp(-(2.0 + 0.04 * name))))

    found = search(objective, low, high, attempt, prior=prior, equivalents=FIRST_TWINS)
    assert FIRST_TWINS[found.best.quality - 1] in [FIRST_TWINS[one - 1] for one in tried]
    return found.best.quality, found.outcome


@pytest.mark.parametrize("between", [30, 50, 71])
def test_the_nearest_is_found_where_the_target_lies_between_two_encodings(between: int) -> None:
    name = FIRST_TWINS[between - 1]
    target = float(np.exp(-(2.0 + 0.04 * (name + 1.2))))
    quality, outcome = run(ScoreGoal(DSSIM, target, 1e-6), DSSIM_PRIOR, 10, 95)
    assert FIRST_TWINS[quality - 1] == name
    assert outcome is Outcome.NEAREST_QUALITY


def test_a_budget_is_used_up_to_the_highest_of_the_twins() -> None:
    assert run(SizeGoal(40_500, 10**5), SIZE_PRIOR, 1, 100) == (42, Outcome.TARGET_MET)


@pytest.mark.parametrize(
    ("target", "quality", "outcome"),
    [
        (0.9, 61, Outcome.MIN_QUALITY_REACHED),
        (1e-6, 66, Outcome.MAX_QUALITY_REACHED),
    ],
)
def test_a_bound_is_the_bound_whichever_of_its_twins_lie_in_range(
    target: float, quality: int, outcome: Outcome
) -> None:
    assert run(ScoreGoal(DSSIM, target, 1e-3), DSSIM_PRIOR, 61, 66) == (quality, outcome)
