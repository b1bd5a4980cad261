"""Beliefs about a curve: before and after predictions and probes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM
from autoquality_core.search import (
    CurveModel,
    CurvePrior,
    Gaussian,
    Observation,
    Roughness,
    ScoreGoal,
    search,
)
from autoquality_core.search.curve import Offset

PRIOR = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=0.02)
QUALITIES = np.arange(1, 101)
CURVE = 2.0 + 0.03 * QUALITIES + 0.5 * (QUALITIES / 100) ** 4
DISTANCE = QUALITIES[:, None] - QUALITIES[None, :]
COVARIANCE = 0.05**2 * np.exp(-0.5 * (DISTANCE / 30) ** 2)
TARGET = float(np.exp(-CURVE[61]))


def tries(prior: CurvePrior, *, error: float = 0.0005, first: int | None = None) -> list[int]:
    """The qualities that a search tries for the score of CURVE at quality 62."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return Observation(quality, 1, float(np.exp(-CURVE[quality - 1])))

    found = search(ScoreGoal(DSSIM, TARGET, error), 1, 100, attempt, prior=prior, first=first)
    assert found.best.score == pytest.approx(TARGET, abs=error)
    return tried


def test_a_curve_that_was_predicted_takes_one_probe() -> None:
    assert tries(PRIOR.with_curve(CURVE, COVARIANCE)) == [62]


def test_a_curve_a_little_off_the_prediction_takes_two() -> None:
    assert len(tries(PRIOR.with_curve(CURVE + 0.06, COVARIANCE))) == 2


@pytest.mark.parametrize("away", [-1.5, -0.7, -0.3, 0.3, 0.7, 1.5])
@pytest.mark.parametrize("deviation", [0.01, 0.05])
def test_a_prediction_that_is_certain_and_wrong_is_soon_abandoned(
    away: float, deviation: float
) -> None:
    sure = (deviation / 0.05) ** 2 * COVARIANCE
    bent = CURVE + away * (QUALITIES / 62) ** 2
    assert len(tries(PRIOR.with_curve(bent, sure))) <= 4


def test_doubts_save_probes_if_a_prediction_is_wrong() -> None:
    bends = [CURVE + away * (QUALITIES / 62) ** 2 for away in (-1.5, -0.7, 0.7, 1.5)]
    doubting = sum(len(tries(PRIOR.with_curve(bent, COVARIANCE))) for bent in bends)
    believing = sum(
        len(tries(CurvePrior(bent, COVARIANCE, PRIOR.noise, PRIOR.roughness))) for bent in bends
    )
    assert doubting < 0.6 * believing


def test_probes_move_the_weight_to_the_belief_that_predicted_them() -> None:
    model = CurveModel(PRIOR.with_curve(CURVE + 1, COVARIANCE))
    assert [one.weight for one in model.posterior()] == pytest.approx([0.87, 0.1, 0.03])
    for quality in (30, 62, 90):
        model.observe(quality, CURVE[quality - 1])
    weights = [one.weight for one in model.posterior()]
    assert sum(weights) == pytest.approx(1)
    assert weights[2] > 0.99


@pytest.mark.parametrize("quality", [1.0, 100.0])
def test_a_predicted_quality_at_the_end_of_the_range_does_no_harm(quality: float) -> None:
    assert len(tries(PRIOR.with_crossing(-np.log(TARGET), quality, 5.0), first=62)) == 1


@pytest.mark.parametrize("width", [1e3, 1e6, 1e9])
def test_a_belief_of_any_width_can_be_conditioned(width: float) -> None:
    wide = PRIOR.with_curve(CURVE, np.full((100, 100), width**2))
    assert len(tries(wide)) <= 12


def two_beliefs(noise: float) -> CurvePrior:
    """Independent values with mean 0 and variance 1, or with mean 2 and variance 4."""
    doubt = Gaussian(np.full(100, 2.0), 4.0 * np.eye(100), 0.25)
    return CurvePrior(np.zeros(100), np.eye(100), noise, Roughness(0.0), (doubt,))


def test_the_posterior_is_the_one_computed_by_hand() -> None:
    """A value of 2 at quality 3, with a noise of variance 1.

    The gain of the first belief is 1/2, of the second 4/5. The densities of the value are those
    of N(0, 2) and N(2, 5): exp(-1) / sqrt(2) and 1 / sqrt(5), up to the same factor.
    """
    model = CurveModel(two_beliefs(1.0))
    model.observe(3, 2.0)
    first, second = model.posterior()
    assert first.mean[[1, 2, 3]] == pytest.approx([0.0, 1.0, 0.0])
    assert second.mean[[1, 2, 3]] == pytest.approx([2.0, 2.0, 2.0])
    assert first.covariance[2, 2] == pytest.approx(0.5)
    assert second.covariance[2, 2] == pytest.approx(0.8)
    assert first.covariance[1, 1] == pytest.approx(1.0)
    odds = (0.75 * math.exp(-1) / math.sqrt(2)) / (0.25 / math.sqrt(5))
    assert first.weight / second.weight == pytest.approx(odds)
    assert first.weight + second.weight == pytest.approx(1.0)
    assert model.deviation(first)[[1, 2]] == pytest.approx([math.sqrt(2), math.sqrt(1.5)])


def test_correlated_qualities_learn_from_each_other() -> None:
    """Values at qualities 1 and 2 with a correlation of 1/2, and no noise.

    After a value of 1 at quality 1: the mean at 2 is 1/2, its variance 3/4. After a value of 2
    there: the mean at 3, with correlations of 0 and 1/2, is (-1/2 * 1 + 1 * 2) * 2/3 = 1.
    """
    distance = np.abs(QUALITIES[:, None] - QUALITIES[None, :])
    covariance = np.select([distance == 0, distance == 1], [1.0, 0.5], 0.0)
    model = CurveModel(CurvePrior(np.zeros(100), covariance, 0.0, Roughness(0.0)))
    model.observe(1, 1.0)
    (one,) = model.posterior()
    assert one.mean[:2] == pytest.approx([1.0, 0.5])
    assert one.covariance[1, 1] == pytest.approx(0.75)
    model.observe(2, 2.0)
    (one,) = model.posterior()
    assert one.mean[:3] == pytest.approx([1.0, 2.0, 1.0])
    assert one.covariance[2, 2] == pytest.approx(1 - 1 / 3)


def test_a_prior_without_a_corpus_is_a_line_of_almost_unknown_level_slope_and_bend() -> None:
    smooth = CurvePrior.smooth(2.0, 6.0, noise=0.1, allowance=0.2)
    assert smooth.mean[[0, 99]] == pytest.approx([2.0, 6.0])
    assert np.diff(smooth.mean) == pytest.approx(4 / 99)
    assert (smooth.noise, smooth.roughness, smooth.doubts) == (0.1, Roughness(0.2), ())
    # Level 0.9 and drift 0.15; at the ends also slope 0.3 * 4, bend 0.3 * 4.
    variance = np.diag(smooth.covariance)
    assert variance[[0, 99]] == pytest.approx(0.9**2 + 1.2**2 + 1.2**2 + 0.15**2)
    assert variance[[49, 50]] == pytest.approx(0.9**2 + 0.15**2, abs=1e-3)
    # The two ends move against each other with slope and bend.
    assert smooth.covariance[0, 99] == pytest.approx(0.9**2 - 1.2**2 - 1.2**2)


def test_a_learned_prior_has_the_variance_of_its_components_and_more() -> None:
    components = np.vstack([np.full(100, 2.0), np.linspace(-1, 1, 100)])
    prior = CurvePrior.learned(CURVE, components, residual=0.5, noise=0.1, roughness=Roughness(0.2))
    assert (prior.mean == CURVE).all()
    assert (prior.noise, prior.roughness) == (0.1, Roughness(0.2))
    more = 0.16**2 + 0.3**2 + 0.5**2
    assert prior.covariance[0, 0] == pytest.approx(1.5 * (4 + 1) + more)
    far = 0.16**2 + 0.3**2 * math.exp(-0.5 * (99 / 30) ** 2)
    assert prior.covariance[0, 99] == pytest.approx(1.5 * (4 - 1) + far)


def test_a_predicted_crossing_counts_as_an_uncertain_probe() -> None:
    """The line rises by 0.1 for each quality, so 2 steps of deviation are 0.2 in the value."""
    line = CurvePrior(0.1 * QUALITIES, np.full((100, 100), 0.09), 0.0, Roughness(0.0))
    prior = line.with_crossing(5.5, 50.2, 2.0)
    gain = 0.09 / (0.09 + 0.2**2)
    assert prior.mean == pytest.approx(line.mean + gain * 0.5)
    assert prior.covariance == pytest.approx(np.full((100, 100), 0.09 * (1 - gain)))
    assert [one.weight for one in prior.beliefs] == pytest.approx([0.97, 0.03])
    assert (prior.doubts[0].mean == line.mean).all()


def test_a_curve_that_is_known_but_for_rounding_has_no_deviation() -> None:
    """One value determines all others; rounding makes some variances slightly negative."""
    growth = np.linspace(0.1, 3, 100)
    prior = CurvePrior(0.1 * QUALITIES, 0.3 * np.outer(growth, growth), 0.0, Roughness(0.0))
    known = prior.with_crossing(5.5, 50.0, 0.0)
    assert CurveModel(known).deviation(known.beliefs[0]) == pytest.approx(0.0, abs=1e-6)


def test_a_prediction_is_doubted_in_two_ways() -> None:
    prior = PRIOR.with_curve(CURVE, COVARIANCE)
    itself, wider, nothing = prior.beliefs
    assert (itself.weight, wider.weight, nothing.weight) == pytest.approx((0.87, 0.1, 0.03))
    assert (wider.covariance == 9 * COVARIANCE).all()
    assert (wider.mean == CURVE).all()
    assert (nothing.mean == PRIOR.mean).all()


def test_each_prediction_keeps_the_beliefs_before_it_as_doubts() -> None:
    before = PRIOR.with_curve(CURVE, COVARIANCE)
    doubted = [0.03 * one.weight for one in before.beliefs]
    after = before.with_curve(CURVE + 1, COVARIANCE)
    assert [one.weight for one in after.beliefs] == pytest.approx([0.87, 0.1, *doubted])
    after = before.with_crossing(4.0, 62.0, 1.0)
    assert [one.weight for one in after.beliefs] == pytest.approx([0.97, *doubted])


def test_an_offset_moves_every_belief() -> None:
    offset = Offset(np.full(100, 0.5), np.full((100, 100), 0.01))
    before = PRIOR.with_curve(CURVE, COVARIANCE)
    for one, other in zip(before.beliefs, before.above(offset).beliefs, strict=True):
        assert other.weight == pytest.approx(one.weight)
        assert other.mean == pytest.approx(one.mean + 0.5)
        assert other.covariance == pytest.approx(one.covariance + 0.01)


def test_an_offset_grows_with_the_step_of_the_first_curve() -> None:
    """As the difference of the sum over samples of the first curve shows."""
    gain = np.linspace(0.2, 1, 100)
    offset = Offset(np.full(100, 0.5), 0.01 * np.eye(100), gain, (88, 90), 0.1)
    first = PRIOR.beliefs[0]
    curves = np.random.default_rng(1).multivariate_normal(first.mean, first.covariance, 4000)
    rise = curves[:, 89] - curves[:, 87]
    second = curves + 0.5 + np.outer(rise - 0.1, gain)
    found = offset.added_to(first)
    assert found.mean == pytest.approx(second.mean(axis=0), abs=0.1)
    expected = np.cov(second.T) + 0.01 * np.eye(100)
    assert np.abs(found.covariance - expected).max() < 0.1 * expected.max()
