"""The best of some observations, and the outcome, spelled out for each goal."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM
from autoquality_core.search import Observation, ScoreGoal, SizeGoal
from autoquality_core.search.bounds import Interval
from autoquality_core.types import Outcome
from tests.search.curves import LIKENESS

LOW, HIGH = 10, 20


def scores(**by_quality: float) -> list[Observation]:
    """Observations from q10=0.03, q20=0.01 and the like."""
    return [Observation(int(name[1:]), 1000, value) for name, value in by_quality.items()]


def sizes(**by_quality: int) -> list[Observation]:
    return [Observation(int(name[1:]), value) for name, value in by_quality.items()]


@pytest.mark.parametrize(
    ("seen", "quality", "outcome"),
    [
        # The first within the allowed error, even where a later one is nearer.
        (scores(q12=0.0205, q13=0.0200), 12, Outcome.TARGET_MET),
        (scores(q10=0.05, q12=0.0195), 12, Outcome.TARGET_MET),
        # All too rough: the bound, even where a bump below it comes nearer.
        (scores(q19=0.024, q20=0.025), 20, Outcome.MAX_QUALITY_REACHED),
        # All too fine: the other bound.
        (scores(q10=0.012, q11=0.013), 10, Outcome.MIN_QUALITY_REACHED),
        # Around the target, none within: the nearest.
        (scores(q14=0.024, q15=0.017), 15, Outcome.NEAREST_QUALITY),
        (scores(q14=0.022, q15=0.017), 14, Outcome.NEAREST_QUALITY),
        # Of two equally near, the better-looking, whichever came first.
        (scores(q14=0.0225, q15=0.0175), 15, Outcome.NEAREST_QUALITY),
        (scores(q15=0.0175, q14=0.0225), 15, Outcome.NEAREST_QUALITY),
        # At a bound with the target beyond it on the fine side, but rougher ones seen too.
        (scores(q12=0.03, q20=0.0215), 20, Outcome.MAX_QUALITY_REACHED),
        (scores(q10=0.0185, q12=0.010), 10, Outcome.MIN_QUALITY_REACHED),
        # Even the lowest quality looks too good, although others do not.
        (scores(q10=0.0185, q12=0.03), 10, Outcome.MIN_QUALITY_REACHED),
        (scores(q10=0.0185, q12=0.02), 10, Outcome.MIN_QUALITY_REACHED),
        # A bound that lies on its usual side of the target is no bound outcome.
        (scores(q10=0.0215, q11=0.017), 10, Outcome.NEAREST_QUALITY),
        (scores(q19=0.024, q20=0.0185), 20, Outcome.NEAREST_QUALITY),
        # Nor is one that is merely nearest, where the curve turns back beyond it.
        (scores(q18=0.01, q20=0.0215), 20, Outcome.NEAREST_QUALITY),
        # The bound that would be reached was not tried.
        (scores(q12=0.03), 12, Outcome.NEAREST_QUALITY),
        (scores(q10=0.03), 10, Outcome.NEAREST_QUALITY),
        (scores(q12=0.01), 12, Outcome.NEAREST_QUALITY),
        (scores(q20=0.01), 20, Outcome.NEAREST_QUALITY),
    ],
)
def test_a_score_goal_where_lower_is_better(
    seen: list[Observation], quality: int, outcome: Outcome
) -> None:
    goal = ScoreGoal(DSSIM, 0.02, 0.001)
    best = goal.best(seen, LOW, HIGH)
    assert (best.quality, goal.outcome(best, seen, LOW, HIGH)) == (quality, outcome)


@pytest.mark.parametrize(
    ("seen", "quality", "outcome"),
    [
        (scores(q12=79.5, q13=80), 12, Outcome.TARGET_MET),
        # All too rough, all too fine.
        (scores(q19=77, q20=76), 20, Outcome.MAX_QUALITY_REACHED),
        (scores(q10=84, q11=82), 10, Outcome.MIN_QUALITY_REACHED),
        # Around the target: the nearest, and of two equally near the better-looking.
        (scores(q14=76, q15=83), 15, Outcome.NEAREST_QUALITY),
        (scores(q14=77, q15=83), 15, Outcome.NEAREST_QUALITY),
        (scores(q15=83, q14=77), 15, Outcome.NEAREST_QUALITY),
    ],
)
def test_a_score_goal_where_higher_is_better(
    seen: list[Observation], quality: int, outcome: Outcome
) -> None:
    goal = ScoreGoal(LIKENESS, 80, 1)
    best = goal.best(seen, LOW, HIGH)
    assert (best.quality, goal.outcome(best, seen, LOW, HIGH)) == (quality, outcome)


@pytest.mark.parametrize(
    ("seen", "open_"),
    [
        # All too poor, or all too good: only a score within the allowed error, limits included.
        (scores(q20=70), [2, 3]),
        (scores(q10=90), [2, 3]),
        # On both sides of the target: a score nearer than the nearest, which is 7 away.
        (scores(q10=70, q20=87), [1, 2, 3, 4]),
        # The nearest is too poor: one that is 7 too good looks better, and is as near.
        (scores(q10=73, q20=90), [1, 2, 3, 4, 5]),
    ],
)
def test_only_scores_that_may_be_nearer_to_the_target_are_worth_trying(
    seen: list[Observation], open_: list[int]
) -> None:
    worst = np.array([0.0, 0.0, 0.0, 8.5, 8.6, 8.7, 8.8])
    best = np.array([7.3, 7.4, 7.5, 9.0, 9.0, 9.0, 9.0])
    found = ScoreGoal(LIKENESS, 80, 5).open(seen, [Interval(worst, best)], HIGH)
    assert list(np.flatnonzero(found)) == open_


@pytest.mark.parametrize(
    ("seen", "crossed"),
    [
        ([], False),
        (scores(q10=0.03), False),
        (scores(q10=0.03, q12=0.025), False),
        (scores(q10=0.015, q12=0.01), False),
        (scores(q10=0.03, q12=0.01), True),
        (scores(q10=0.03, q12=0.02), False),
        (scores(q10=0.02, q12=0.01), False),
    ],
)
def test_a_score_is_crossed_between_a_poorer_and_a_better_one(
    seen: list[Observation], crossed: bool
) -> None:
    assert ScoreGoal(DSSIM, 0.02, 0.001).crossed(seen) is crossed


@pytest.mark.parametrize(
    ("goal", "width"),
    [
        (ScoreGoal(DSSIM, 0.02, 0.01), math.log(3)),
        # No score is too good: up to the value of a perfect one.
        (ScoreGoal(DSSIM, 0.01, 0.01), DSSIM.value(0) - DSSIM.value(0.02)),
        (ScoreGoal(LIKENESS, 80, 5), 1.0),
        (ScoreGoal(LIKENESS, 98, 5), 0.7),
    ],
)
def test_the_width_of_a_score_goal_is_that_of_its_good_values(
    goal: ScoreGoal, width: float
) -> None:
    assert goal.width == pytest.approx(width)


def test_the_chances_of_a_score_are_those_of_the_normal_distribution() -> None:
    mean, deviation = np.array([7.0, 8.0, 9.0]), np.array([0.5, 0.5, 0.5])
    good, too_poor, too_good = ScoreGoal(LIKENESS, 80, 5).chances(mean, deviation)
    assert good == pytest.approx([0.15731, 0.68269, 0.15731], abs=1e-5)
    assert too_poor == pytest.approx([0.84134, 0.15866, 0.00135], abs=1e-5)
    assert too_good == pytest.approx([0.00135, 0.15866, 0.84134], abs=1e-5)
    # A perfect score is good: no score is too good.
    *_, too_good = ScoreGoal(LIKENESS, 98, 5).chances(mean, deviation)
    assert too_good == pytest.approx([0, 0, 0])


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
def test_a_size_goal(seen: list[Observation], quality: int, outcome: Outcome) -> None:
    goal = SizeGoal(1000, 4096)
    best = goal.best(seen, LOW, HIGH)
    assert (best.quality, goal.outcome(best, seen, LOW, HIGH)) == (quality, outcome)


def test_before_the_lowest_quality_was_tried_the_smallest_file_is_the_best() -> None:
    assert SizeGoal(1000, 4096).best(sizes(q14=1300, q12=1200), LOW, HIGH).quality == 12


@pytest.mark.parametrize(
    ("seen", "open_"),
    [
        # Nothing fits: whatever may fit, its limit included, and the highest quality.
        (sizes(q17=2000), [17, 18, 20]),
        (sizes(q17=1000), [18]),
        (sizes(q16=990, q18=1001), [17, 18]),
    ],
)
def test_only_higher_qualities_whose_files_may_fit_are_worth_trying(
    seen: list[Observation], open_: list[int]
) -> None:
    goal = SizeGoal(1000, 1000)
    least = np.array([-0.1, 0.0, 0.1, 0.2])  # of qualities 17 to 20; 0 just fits
    found = goal.open(seen, [Interval(least, np.full(4, np.inf))], HIGH)
    assert [17 + int(at) for at in np.flatnonzero(found)] == open_


def test_the_chances_of_a_size_are_those_of_the_normal_distribution() -> None:
    goal = SizeGoal(1000, 1000)  # log(bytes per pixel) of 0
    fits = goal.fits(np.array([-1.0, 0.0, 2.0]), np.array([1.0, 1.0, 1.0]))
    assert fits == pytest.approx([0.84134, 0.5, 0.02275], abs=1e-5)


SPARING = SizeGoal(1000, 1000, spare=50)


def test_a_file_that_leaves_few_bytes_unused_ends_the_search() -> None:
    found = [SPARING.finished(one) for one in sizes(q1=949, q2=950, q3=1000, q4=1001)]
    assert found == [False, True, True, False]
    assert not any(SizeGoal(1000, 1000).finished(one) for one in sizes(q2=999, q3=1000))
    # Every file that fits.
    assert SizeGoal(1000, 1000, spare=1000).finished(Observation(1, 1))


def test_a_file_with_few_bytes_unused_needs_no_proof() -> None:
    middle = math.log(0.975)
    means, deviations = [np.array([middle - 9, middle, 9.0])], [np.full(3, 0.02)]
    prospects = SPARING.prospects(means, deviations)
    # From log(0.95) to log(1), 1.299 deviations below the middle to 1.266 above it.
    assert prospects.ends == pytest.approx([0, 0.80021, 0], abs=1e-4)
    # What leaves more unused is the answer if the next file is too large.
    assert prospects.highest == pytest.approx([0.10278, 0.09701, 0], abs=1e-4)
    exact = SizeGoal(1000, 1000).prospects(means, deviations)
    assert exact.ends == pytest.approx([0, 0, 0])
    assert SPARING.width == pytest.approx(-math.log(0.95))
    assert list(SPARING.away(means)) == pytest.approx([9, 0, 9 - middle])


def test_a_score_goal_needs_measured_observations() -> None:
    with pytest.raises(ValueError, match="quality 12 was not measured"):
        ScoreGoal(DSSIM, 0.02, 0.001).finished(Observation(12, 1000))


def test_more_bytes_may_stay_unused_than_there_are() -> None:
    """Alpha and metadata may take so much of a budget that any file which fits leaves few."""
    goal = SizeGoal(100, 1000, spare=500)
    assert list(goal.away([np.log([0.05, 0.1])])) == pytest.approx([0, math.log(2)])
