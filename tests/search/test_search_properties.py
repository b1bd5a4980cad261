"""The search against the oracle on made-up curves: bumps, plateaus, ties, pinned bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.metrics import DSSIM
from autoquality_core.search import (
    CurvePrior,
    Goal,
    Observation,
    Roughness,
    ScoreGoal,
    SizeGoal,
    search,
)
from autoquality_core.search.oracle import agree, oracle
from autoquality_core.types import Outcome

PIXELS = 100_000
ALLOWANCE = 0.08
DSSIM_PRIOR = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=ALLOWANCE)
SIZE_PRIOR = CurvePrior.smooth(-4, -1, noise=0.002, allowance=ALLOWANCE)


def _curve(start: float, steps: list[float], bumps: list[float]) -> list[float]:
    """A curve that rises by `steps` and dips by `bumps`, never more than the allowance in all."""
    rising = start + np.concatenate([[0.0], np.cumsum(steps)])
    return [float(value) for value in rising - np.array(bumps)]


curves = st.builds(
    _curve,
    st.floats(-3, 3),
    st.lists(st.sampled_from([0.0, 0.0, 0.004, 0.03, 0.06, 0.2]), min_size=99, max_size=99),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.01, ALLOWANCE]), min_size=100, max_size=100),
)
bounds = st.tuples(st.integers(1, 100), st.integers(1, 100)).map(sorted)
targets = st.sampled_from([0.0, 0.002, 0.005, 0.02, 0.04, 0.3, 1.0])
errors = st.sampled_from([0.0, 0.0005, 0.001, 0.002, 0.02, 1.0])


class Bench:
    """Observations of made-up curves, counted."""

    def __init__(self, rise: list[float]) -> None:
        self.rise = rise
        self.tried: list[int] = []

    def look(self, quality: int) -> Observation:
        value = self.rise[quality - 1]
        size = max(1, round(PIXELS * math.exp(min(value - 4, 8))))
        return Observation(quality, size, min(1.0, math.exp(-value - 2.5)))

    def attempt(self, quality: int) -> Observation:
        assert quality not in self.tried, "a quality was encoded twice"
        self.tried.append(quality)
        return self.look(quality)

    def check(self, objective: Goal, low: int, high: int, prior: CurvePrior) -> None:
        found = search(objective, low, high, self.attempt, prior=prior)
        expected = oracle(objective, low, high, self.look)
        assert agree(objective, found, expected), (found, expected)
        assert found.best.quality in self.tried
        assert all(low <= quality <= high for quality in self.tried)


@settings(max_examples=300, deadline=None)
@given(curves, bounds, targets, errors)
def test_dssim_search_finds_what_the_oracle_finds(
    rise: list[float], between: list[int], target: float, error: float
) -> None:
    Bench(rise).check(ScoreGoal(DSSIM, target, error), between[0], between[1], DSSIM_PRIOR)


@settings(max_examples=300, deadline=None)
@given(curves, bounds, st.integers(1, 2_000_000))
def test_size_search_finds_what_the_oracle_finds(
    rise: list[float], between: list[int], target: int
) -> None:
    Bench(rise).check(SizeGoal(target, PIXELS), between[0], between[1], SIZE_PRIOR)


@settings(max_examples=200, deadline=None)
@given(curves, bounds, st.integers(1, 2_000_000))
def test_size_search_is_never_over_budget_when_any_probe_fits(
    rise: list[float], between: list[int], target: int
) -> None:
    bench = Bench(rise)
    found = search(
        SizeGoal(target, PIXELS), between[0], between[1], bench.attempt, prior=SIZE_PRIOR
    )
    if any(bench.look(quality).size_bytes <= target for quality in bench.tried):
        assert found.best.size_bytes <= target
        assert found.outcome is Outcome.TARGET_MET
    else:
        assert found.outcome is Outcome.MIN_QUALITY_REACHED


@settings(max_examples=100, deadline=None)
@given(curves, st.integers(1, 100), targets, errors)
def test_pinned_bounds_cost_one_encoding(
    rise: list[float], quality: int, target: float, error: float
) -> None:
    bench = Bench(rise)
    found = search(
        ScoreGoal(DSSIM, target, error), quality, quality, bench.attempt, prior=DSSIM_PRIOR
    )
    assert bench.tried == [quality]
    assert found.best.quality == quality


@settings(max_examples=150, deadline=None)
@given(curves, bounds, targets, errors, st.integers(1, 6), st.integers(1, 100))
def test_a_search_cut_short_returns_the_best_so_far(
    rise: list[float],
    between: list[int],
    target: float,
    error: float,
    allowed: int,
    first: int,
) -> None:
    bench = Bench(rise)
    objective = ScoreGoal(DSSIM, target, error)
    found = search(
        objective,
        between[0],
        between[1],
        bench.attempt,
        prior=DSSIM_PRIOR,
        first=first,
        may_continue=lambda _quality: len(bench.tried) < allowed,
    )
    assert len(bench.tried) <= allowed
    tried = [bench.look(quality) for quality in bench.tried]
    assert found.best == objective.best(tried, between[0], between[1])
    if found.outcome is Outcome.DEADLINE_REACHED:
        assert not objective.finished(found.best)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.02, 1e-12])
def test_a_flat_curve_ends_with_its_only_value(value: float) -> None:
    """Equal scores everywhere: no division by zero, no endless loop."""

    def attempt(quality: int) -> Observation:
        return Observation(quality, 5000, value)

    for objective in (ScoreGoal(DSSIM, 0.02, 0.001), SizeGoal(5000, PIXELS)):
        found = search(objective, 1, 100, attempt, prior=DSSIM_PRIOR)
        assert agree(objective, found, oracle(objective, 1, 100, attempt))


def test_a_size_plateau_yields_its_highest_quality() -> None:
    def attempt(quality: int) -> Observation:
        return Observation(quality, 1000 if quality < 40 else 2000 if quality <= 60 else 3000)

    found = search(SizeGoal(2000, PIXELS), 1, 100, attempt, prior=SIZE_PRIOR)
    assert found.best.quality == 60


def test_of_two_equally_near_the_better_looking_wins() -> None:
    def attempt(quality: int) -> Observation:
        return Observation(quality, 1000, 0.75 if quality <= 50 else 0.25)

    found = search(ScoreGoal(DSSIM, 0.5, 0.1), 1, 100, attempt, prior=DSSIM_PRIOR)
    assert found.best.score == 0.25
    assert found.outcome is Outcome.NEAREST_QUALITY


def test_a_spike_does_not_open_every_quality_again() -> None:
    """A JPEG saved anew at its own quality is all but identical there, and only there."""
    spike = [2.0 - abs(quality - 75) / 5 for quality in range(1, 101)]
    rise = [0.5 + 0.045 * quality for quality in range(1, 101)]
    rise = [value + max(0.0, more) for value, more in zip(rise, spike, strict=True)]
    for first in range(1, 101):
        bench = Bench(rise)
        target = bench.look(62).score
        assert target is not None
        objective = ScoreGoal(DSSIM, target * 1.01, target * 0.001)
        search(objective, 1, 100, bench.attempt, prior=DSSIM_PRIOR, first=first)
        assert len(bench.tried) <= 30, (first, bench.tried)


def test_the_first_quality_is_brought_into_range() -> None:
    bench = Bench(_curve(0, [0.04] * 99, [0.0] * 100))
    search(ScoreGoal(DSSIM, 0.02, 0.0001), 30, 60, bench.attempt, prior=DSSIM_PRIOR, first=95)
    assert bench.tried[0] == 60


def test_a_search_cut_short_does_not_return_merely_the_last_probe() -> None:
    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return Observation(
            quality, 1000, 0.021 if quality == 50 else 0.3 if quality < 50 else 0.001
        )

    tried: list[int] = []
    objective = ScoreGoal(DSSIM, 0.02, 1e-6)
    found = search(
        objective,
        1,
        100,
        attempt,
        prior=DSSIM_PRIOR,
        first=50,
        may_continue=lambda _: len(tried) < 2,
    )
    assert len(tried) == 2
    assert (found.best.quality, found.outcome) == (50, Outcome.DEADLINE_REACHED)


def test_next_to_the_target_no_quality_is_ruled_out_by_its_distance() -> None:
    """The DSSIM of a photograph as JPEG, qualities 61 to 74: it falls for three in a row."""
    scores = (
        *(0.01474, 0.01461, 0.01433, 0.01416, 0.01023, 0.01008, 0.00987),
        *(0.01188, 0.01163, 0.01133, 0.00863, 0.00843, 0.00821, 0.00781),
    )

    def attempt(quality: int) -> Observation:
        return Observation(quality, 1000 + quality, scores[quality - 61])

    objective = ScoreGoal(DSSIM, 0.01, 0.001)
    smooth = Roughness(0.051, 0.051, near=(0.003, -0.003, -0.018, -0.032))
    found = search(
        objective, 61, 74, attempt, prior=DSSIM_PRIOR, first=71, roughness=lambda: smooth
    )
    assert found.outcome is Outcome.TARGET_MET
    assert 65 <= found.best.quality <= 67
