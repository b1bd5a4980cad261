"""`search` finds what trying every quality finds, on generated curves of every goal."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.metrics import DSSIM
from autoquality_core.search import (
    Acquisition,
    Goal,
    LimitedGoal,
    Observation,
    Roughness,
    Scale,
    ScoreGoal,
    SizeGoal,
    search,
)
from autoquality_core.types import Outcome
from autoquality_train.judging.oracle import agree, oracle
from tests.search.curves import (
    PIXELS,
    SCORE_PRIOR,
    SIZE_PRIOR,
    Curves,
    any_range,
    any_scale,
    any_sizes,
    any_values,
    curves_of,
    nearly_monotone,
    priors,
    score_of,
)

pytestmark = pytest.mark.usefixtures("without_a_limit")

STEEP = [value / 25 for value in range(100)]
"""Values that rise by half the allowance with each quality."""

positions = st.floats(-0.3, 1.3)
"""Where a target lies within the range of scores."""


def check(curves: Curves, goal: Goal, low: int, high: int) -> None:
    """Compare a search with the oracle."""
    found = search(goal, low, high, curves.attempt, prior=priors(goal))
    expected = oracle(goal, low, high, curves.look)
    assert agree(goal, found, expected), (found, expected)
    assert found.best.quality in curves.tried
    assert all(low <= quality <= high for quality in curves.tried)


@settings(max_examples=60, deadline=None)
@given(any_scale, any_values, any_range, st.floats(0, 1), st.floats(0, 0.1))
def test_a_search_for_a_score_agrees_with_the_oracle(
    scale: Scale, values: list[float], within: list[int], at: float, error: float
) -> None:
    curves = curves_of(values, STEEP, scale)
    target = score_of(scale, values[0] + at * (values[-1] - values[0]))
    check(curves, ScoreGoal(scale, target, error * scale.high), *within)


@settings(max_examples=40, deadline=None)
@given(any_scale, any_values, any_range, st.sampled_from([0.0, 0.002, 0.02, 0.3, 1.0]))
def test_a_search_for_a_score_that_few_images_reach_agrees_with_the_oracle(
    scale: Scale, values: list[float], within: list[int], target: float
) -> None:
    for error in (0.0, 0.0005, 1.0):
        check(curves_of(values, STEEP, scale), ScoreGoal(scale, target, error), *within)


@settings(max_examples=60, deadline=None)
@given(any_sizes, any_range, st.floats(0, 14.5).map(math.exp))
def test_a_search_for_a_size_agrees_with_the_oracle(
    sizes: list[float], within: list[int], target: float
) -> None:
    check(curves_of(STEEP, sizes), SizeGoal(target, PIXELS), *within)


@settings(max_examples=40, deadline=None)
@given(any_sizes, any_range, st.integers(1, 100), st.sampled_from([0.01, 0.05, 0.5, 1.0]))
def test_a_search_for_a_size_with_bytes_to_spare_ends_as_soon_as_few_are_unused(
    sizes: list[float], within: list[int], at: int, unused: float
) -> None:
    curves = curves_of(STEEP, sizes)
    target = curves.look(at).size_bytes
    goal = SizeGoal(target, PIXELS, unused * target)
    check(curves, goal, *within)
    good = [goal.finished(curves.look(quality)) for quality in curves.tried]
    assert not any(good[:-1])


@settings(max_examples=40, deadline=None)
@given(any_sizes, any_range, st.floats(0, 14.5).map(math.exp))
def test_a_file_is_never_over_the_limit_if_any_file_that_was_tried_fits(
    sizes: list[float], within: list[int], target: float
) -> None:
    curves = curves_of(STEEP, sizes)
    low, high = within
    found = search(SizeGoal(target, PIXELS), low, high, curves.attempt, prior=SIZE_PRIOR)
    if any(curves.look(quality).size_bytes <= target for quality in curves.tried):
        assert found.best.size_bytes <= target
        assert found.outcome is Outcome.TARGET_MET
    else:
        assert found.outcome is Outcome.MIN_QUALITY_REACHED


@settings(max_examples=20, deadline=None)
@given(any_values, st.integers(1, 100), positions)
def test_a_range_of_one_quality_takes_one_encoding(
    values: list[float], quality: int, at: float
) -> None:
    worst = score_of(DSSIM, values[0] + at * (values[-1] - values[0]))
    for goal in (
        ScoreGoal(DSSIM, worst, 0.001),
        SizeGoal(20_000, PIXELS),
        LimitedGoal(ScoreGoal(DSSIM, worst, 0.001), (), 20_000, PIXELS),
    ):
        curves = curves_of(values, STEEP)
        found = search(goal, quality, quality, curves.attempt, prior=priors(goal))
        assert curves.tried == [quality]
        assert found.best.quality == quality


@settings(max_examples=40, deadline=None)
@given(any_values, any_sizes, any_range, positions, st.integers(1, 6), st.integers(1, 100))
def test_a_search_that_is_cut_short_returns_the_best_so_far(
    values: list[float], sizes: list[float], within: list[int], at: float, allowed: int, first: int
) -> None:
    score = score_of(DSSIM, values[0] + at * (values[-1] - values[0]))
    for goal in (
        ScoreGoal(DSSIM, score, 0.001),
        SizeGoal(20_000, PIXELS),
        LimitedGoal(ScoreGoal(DSSIM, score, 0.001), (), 20_000, PIXELS),
    ):
        curves = curves_of(values, sizes)

        def may_continue(_quality: int, curves: Curves = curves) -> bool:
            return len(curves.tried) < allowed

        low, high = within
        found = search(
            *(goal, low, high, curves.attempt),
            prior=priors(goal),
            first=first,
            may_continue=may_continue,
        )
        assert len(curves.tried) <= allowed
        assert curves.tried[0] == min(max(first, low), high)
        tried = [curves.look(quality) for quality in curves.tried]
        assert found.best == goal.best(tried, low, high)
        if found.outcome is Outcome.DEADLINE_REACHED:
            assert len(curves.tried) == allowed
            assert not goal.finished(found.best)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.02, 1e-12])
def test_a_flat_curve_ends_with_its_only_value(value: float) -> None:
    """No division by zero, no endless loop."""

    def attempt(quality: int) -> Observation:
        return Observation(quality, 5000, value)

    for goal in (
        ScoreGoal(DSSIM, 0.02, 0.001),
        SizeGoal(5000, PIXELS),
        LimitedGoal(ScoreGoal(DSSIM, 0.02, 0.001), (), 5000, PIXELS),
    ):
        found = search(goal, 1, 100, attempt, prior=priors(goal))
        assert agree(goal, found, oracle(goal, 1, 100, attempt))


def test_of_files_of_the_same_size_the_highest_quality_is_found() -> None:
    def attempt(quality: int) -> Observation:
        return Observation(quality, 1000 if quality < 40 else 2000 if quality <= 60 else 3000)

    found = search(SizeGoal(2000, PIXELS), 1, 100, attempt, prior=SIZE_PRIOR)
    assert found.best.quality == 60


def test_of_two_equally_near_scores_the_better_looking_is_found() -> None:
    def attempt(quality: int) -> Observation:
        return Observation(quality, 1000, 0.75 if quality <= 50 else 0.25)

    found = search(ScoreGoal(DSSIM, 0.5, 0.1), 1, 100, attempt, prior=SCORE_PRIOR)
    assert found.best.score == 0.25
    assert found.outcome is Outcome.NEAREST_QUALITY


def test_a_spike_does_not_open_every_quality_again() -> None:
    """A JPEG that is saved again at its own quality is almost identical there, and only there."""
    spike = [2.0 - abs(quality - 75) / 5 for quality in range(1, 101)]
    values = [3 + 0.045 * quality for quality in range(1, 101)]
    values = [value + max(0.0, more) for value, more in zip(values, spike, strict=True)]
    for first in range(1, 101):
        curves = curves_of(values, STEEP)
        target = score_of(DSSIM, values[61])
        goal = ScoreGoal(DSSIM, target * 1.01, target * 0.001)
        search(goal, 1, 100, curves.attempt, prior=SCORE_PRIOR, first=first)
        assert len(curves.tried) <= 30, (first, curves.tried)


def test_the_first_quality_is_limited_to_the_range() -> None:
    curves = curves_of(nearly_monotone(2.5, [0.04] * 99, [0.0] * 100), STEEP)
    search(ScoreGoal(DSSIM, 0.02, 0.0001), 30, 60, curves.attempt, prior=SCORE_PRIOR, first=95)
    assert curves.tried[0] == 60


def test_next_to_the_target_no_quality_is_ruled_out_by_its_distance() -> None:
    """The DSSIM of a photograph as JPEG, qualities 61 to 74: it falls three times in a row."""
    scores = (
        *(0.01474, 0.01461, 0.01433, 0.01416, 0.01023, 0.01008, 0.00987),
        *(0.01188, 0.01163, 0.01133, 0.00863, 0.00843, 0.00821, 0.00781),
    )

    def attempt(quality: int) -> Observation:
        return Observation(quality, 1000 + quality, scores[quality - 61])

    smooth = Roughness(0.051, 0.051, near=(0.003, -0.003, -0.018, -0.032))
    found = search(
        *(ScoreGoal(DSSIM, 0.01, 0.001), 61, 74, attempt),
        prior=replace(SCORE_PRIOR, roughness=smooth),
        first=71,
    )
    assert found.outcome is Outcome.TARGET_MET
    assert 65 <= found.best.quality <= 67


def test_a_search_can_be_stopped_before_any_attempt() -> None:
    """It then ends with the best answer so far, and needs no proof."""
    goal = ScoreGoal(DSSIM, score_of(DSSIM, 2.02), 1e-6)
    curves = curves_of(STEEP, STEEP)
    chances: list[float] = []

    def after_two(acquisition: Acquisition) -> bool:
        chances.append(acquisition.chance_of(goal.aim, 50))
        return acquisition.attempts == 2

    found = search(goal, 1, 100, curves.attempt, prior=priors(goal), stop=after_two)
    assert len(curves.tried) == 2
    assert found.best.quality in curves.tried
    assert all(0 <= one <= 1 for one in chances)
