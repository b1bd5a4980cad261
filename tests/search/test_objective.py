"""What is the best of what was seen, and how the search ended: spelled out, without an oracle."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM
from autoquality_core.search import Observation, ScoreGoal, SizeGoal
from autoquality_core.search.goal import normal_cdf
from autoquality_core.types import Outcome

LOW, HIGH = 10, 20


def dssims(**by_quality: float) -> list[Observation]:
    """Observations from q10=0.03, q20=0.01 and the like."""
    return [Observation(int(name[1:]), 1000, value) for name, value in by_quality.items()]


def sizes(**by_quality: int) -> list[Observation]:
    return [Observation(int(name[1:]), value) for name, value in by_quality.items()]


@pytest.mark.parametrize(
    ("seen", "quality", "outcome"),
    [
        # The first within the allowed error, even where a later one is nearer.
        (dssims(q12=0.0205, q13=0.0200), 12, Outcome.TARGET_MET),
        (dssims(q10=0.05, q12=0.0195), 12, Outcome.TARGET_MET),
        # All too rough: the bound, even where a bump below it comes nearer.
        (dssims(q19=0.024, q20=0.025), 20, Outcome.MAX_QUALITY_REACHED),
        # All too fine: the other bound.
        (dssims(q10=0.012, q11=0.013), 10, Outcome.MIN_QUALITY_REACHED),
        # Around the target, none within: the nearest.
        (dssims(q14=0.024, q15=0.017), 15, Outcome.NEAREST_QUALITY),
        (dssims(q14=0.022, q15=0.017), 14, Outcome.NEAREST_QUALITY),
        # Of two equally near, the better-looking, whichever came first.
        (dssims(q14=0.0225, q15=0.0175), 15, Outcome.NEAREST_QUALITY),
        (dssims(q15=0.0175, q14=0.0225), 15, Outcome.NEAREST_QUALITY),
        # At a bound with the target beyond it on the fine side, but rougher ones seen too.
        (dssims(q12=0.03, q20=0.0215), 20, Outcome.MAX_QUALITY_REACHED),
        (dssims(q10=0.0185, q12=0.010), 10, Outcome.MIN_QUALITY_REACHED),
        # A bound that lies on its usual side of the target is no bound outcome.
        (dssims(q10=0.0215, q11=0.017), 10, Outcome.NEAREST_QUALITY),
        (dssims(q19=0.024, q20=0.0185), 20, Outcome.NEAREST_QUALITY),
        # Nor is one that is merely nearest, where the curve turns back beyond it.
        (dssims(q10=0.0185, q12=0.03), 10, Outcome.NEAREST_QUALITY),
        (dssims(q18=0.01, q20=0.0215), 20, Outcome.NEAREST_QUALITY),
    ],
)
def test_dssim(seen: list[Observation], quality: int, outcome: Outcome) -> None:
    objective = ScoreGoal(DSSIM, 0.02, 0.001)
    best = objective.best(seen, LOW, HIGH)
    assert (best.quality, objective.outcome(best, seen, LOW, HIGH)) == (quality, outcome)


@pytest.mark.parametrize(
    ("seen", "quality", "outcome"),
    [
        (sizes(q12=900, q13=1000, q14=1001), 13, Outcome.TARGET_MET),
        # A bump: a higher quality that fits although a lower one does not.
        (sizes(q12=900, q13=1010, q14=990), 14, Outcome.TARGET_MET),
        (sizes(q20=1000), 20, Outcome.TARGET_MET),
        (sizes(q10=1001), 10, Outcome.MIN_QUALITY_REACHED),
        # Nothing fits: the bound, even where a bump above it is smaller.
        (sizes(q11=1001, q10=1002), 10, Outcome.MIN_QUALITY_REACHED),
    ],
)
def test_size(seen: list[Observation], quality: int, outcome: Outcome) -> None:
    objective = SizeGoal(1000, 4096)
    best = objective.best(seen, LOW, HIGH)
    assert (best.quality, objective.outcome(best, seen, LOW, HIGH)) == (quality, outcome)


def test_the_normal_distribution_is_that_of_the_standard_library() -> None:
    x = np.linspace(-9, 9, 401)
    exact = [statistics.NormalDist().cdf(one) for one in x]
    assert normal_cdf(x) == pytest.approx(exact, abs=2e-7)
    assert normal_cdf(np.array([-np.inf, np.inf, 0.0])) == pytest.approx([0, 1, 0.5], abs=2e-7)
