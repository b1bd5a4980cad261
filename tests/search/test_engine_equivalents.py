"""Of qualities that give the same file, one is tried."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM
from autoquality_core.search import Goal, Observation, ScoreGoal, SizeGoal, search
from autoquality_core.search.acquisition import Acquisition
from autoquality_core.types import Outcome
from tests.search.curves import priors

pytestmark = pytest.mark.usefixtures("without_a_limit")

THREES = [1 + 3 * ((quality - 1) // 3) for quality in range(1, 101)]
"""The lowest quality with the same file: 1, 1, 1, 4, 4, 4, ..."""


def search_threes(goal: Goal, low: int, high: int) -> tuple[int, Outcome]:
    """The quality and the outcome; asserts that each file is encoded once."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        name = THREES[quality - 1]
        assert name not in [THREES[one - 1] for one in tried]
        tried.append(quality)
        return Observation(quality, 1000 * name, float(np.exp(-(2.0 + 0.04 * name))))

    found = search(goal, low, high, attempt, prior=priors(goal), equivalents=THREES)
    assert THREES[found.best.quality - 1] in [THREES[one - 1] for one in tried]
    return found.best.quality, found.outcome


def test_an_attempt_counts_once_and_is_seen_at_each_of_its_qualities() -> None:
    goal = SizeGoal(40_500, 10**5)
    acquisition = Acquisition(goal, 1, 50, priors(goal), THREES)
    acquisition.take(Observation(42, 40_000))
    acquisition.take(Observation(1, 1000))
    acquisition.take(Observation(50, 49_000))
    assert acquisition.attempts == 3
    assert sorted((one.quality, one.size_bytes) for one in acquisition.seen) == [
        *((1, 1000), (2, 1000), (3, 1000)),
        *((40, 40_000), (41, 40_000), (42, 40_000), (49, 49_000), (50, 49_000)),
    ]


@pytest.mark.parametrize("between", [30, 50, 71])
def test_the_nearest_of_equivalent_qualities_is_found(between: int) -> None:
    name = THREES[between - 1]
    target = float(np.exp(-(2.0 + 0.04 * (name + 1.2))))
    quality, outcome = search_threes(ScoreGoal(DSSIM, target, 1e-6), 10, 95)
    assert THREES[quality - 1] == name
    assert outcome is Outcome.NEAREST_QUALITY


def test_a_byte_limit_gives_the_highest_of_equivalent_qualities() -> None:
    assert search_threes(SizeGoal(40_500, 10**5), 1, 100) == (42, Outcome.TARGET_MET)


@pytest.mark.parametrize(
    ("target", "quality", "outcome"),
    [
        (0.9, 61, Outcome.MIN_QUALITY_REACHED),
        (1e-6, 66, Outcome.MAX_QUALITY_REACHED),
    ],
)
def test_a_bound_is_found_whichever_of_its_equivalents_lie_in_the_range(
    target: float, quality: int, outcome: Outcome
) -> None:
    assert search_threes(ScoreGoal(DSSIM, target, 1e-3), 61, 66) == (quality, outcome)
