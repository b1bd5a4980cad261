"""What was predicted of a curve, what is doubted of it, and what probes make of both."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM
from autoquality_core.search import CurveModel, CurvePrior, Observation, ScoreGoal, search

PRIOR = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=0.02)
QUALITIES = np.arange(1, 101)
CURVE = 2.0 + 0.03 * QUALITIES + 0.5 * (QUALITIES / 100) ** 4
DISTANCE = QUALITIES[:, None] - QUALITIES[None, :]
COVARIANCE = 0.05**2 * np.exp(-0.5 * (DISTANCE / 30) ** 2)
TARGET = float(np.exp(-CURVE[61]))


def tries(prior: CurvePrior, *, error: float = 0.0005, first: int | None = None) -> list[int]:
    """The qualities that a search for what CURVE has at quality 62 goes through."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return Observation(quality, 1, float(np.exp(-CURVE[quality - 1])))

    found = search(ScoreGoal(DSSIM, TARGET, error), 1, 100, attempt, prior=prior, first=first)
    assert found.best.score == pytest.approx(TARGET, abs=error)
    return tried


def test_a_curve_that_was_foreseen_takes_one_probe() -> None:
    assert tries(PRIOR.with_curve(CURVE, COVARIANCE)) == [62]


def test_a_curve_a_little_off_the_prediction_takes_two() -> None:
    assert len(tries(PRIOR.with_curve(CURVE + 0.06, COVARIANCE))) == 2


@pytest.mark.parametrize("away", [-1.5, -0.7, -0.3, 0.3, 0.7, 1.5])
@pytest.mark.parametrize("deviation", [0.01, 0.05])
def test_a_prediction_that_is_sure_and_wrong_is_soon_given_up(
    away: float, deviation: float
) -> None:
    sure = (deviation / 0.05) ** 2 * COVARIANCE
    bent = CURVE + away * (QUALITIES / 62) ** 2
    assert len(tries(PRIOR.with_curve(bent, sure))) <= 4


def test_doubt_saves_probes_where_a_prediction_is_wrong() -> None:
    bends = [CURVE + away * (QUALITIES / 62) ** 2 for away in (-1.5, -0.7, 0.7, 1.5)]
    doubting = sum(len(tries(PRIOR.with_curve(bent, COVARIANCE))) for bent in bends)
    believing = sum(
        len(tries(CurvePrior(bent, COVARIANCE, PRIOR.noise, PRIOR.allowance))) for bent in bends
    )
    assert doubting < 0.6 * believing


def test_probes_move_the_weight_to_the_belief_that_foresaw_them() -> None:
    model = CurveModel(PRIOR.with_curve(CURVE + 1, COVARIANCE))
    assert [one.weight for one in model.posterior()] == pytest.approx([0.87, 0.1, 0.03])
    for quality in (30, 62, 90):
        model.observe(quality, CURVE[quality - 1])
    weights = [one.weight for one in model.posterior()]
    assert sum(weights) == pytest.approx(1)
    assert weights[2] > 0.99


def test_a_guessed_quality_is_tried_first_and_bends_the_curve_towards_it() -> None:
    aim = -np.log(TARGET)
    near = PRIOR.with_crossing(aim, 62.0, 1.0)
    assert abs(near.mean[61] - aim) < abs(PRIOR.mean[61] - aim) / 10
    vague = PRIOR.with_crossing(aim, 62.0, 40.0)
    assert abs(vague.mean[61] - aim) > abs(near.mean[61] - aim)
    assert np.linalg.eigvalsh(near.covariance).min() > -1e-9
    assert tries(near, first=62) == [62]


@pytest.mark.parametrize("quality", [1.0, 100.0])
def test_a_guess_at_the_end_of_the_scale_is_no_harm(quality: float) -> None:
    assert len(tries(PRIOR.with_crossing(-np.log(TARGET), quality, 5.0), first=62)) == 1


@pytest.mark.parametrize("width", [1e3, 1e6, 1e9])
def test_a_belief_however_wide_can_be_conditioned(width: float) -> None:
    wide = PRIOR.with_curve(CURVE, np.full((100, 100), width**2))
    assert len(tries(wide)) <= 12
