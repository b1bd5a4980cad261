"""A byte limit met by the first predicted quality that fits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoquality_core.priors import load_prior
from autoquality_core.search import (
    CurvePrior,
    Found,
    Observation,
    Roughness,
    SizeGoal,
    first_fitting,
)
from autoquality_core.types import Outcome

PIXELS = 1_000_000
PRIOR = load_prior("jpeg", "size")


class Image:
    """An image whose size curve is that of the prior, `factor` times as large."""

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self.tried: list[int] = []

    def size(self, quality: int) -> int:
        return round(self.factor * PIXELS * math.exp(PRIOR.mean[quality - 1]))

    def attempt(self, quality: int) -> Observation:
        self.tried.append(quality)
        return Observation(quality, self.size(quality))

    def find(self, target: float, low: int = 1, high: int = 100, **more: object) -> Found:
        return first_fitting(
            SizeGoal(target, PIXELS), low, high, self.attempt, **{"prior": PRIOR} | more
        )


def sure(deviation: float = 0.05) -> CurvePrior:
    covariance = np.full((100, 100), deviation**2)
    return CurvePrior(PRIOR.mean, covariance, noise=0.002, roughness=Roughness(0.01))


def test_a_predicted_image_takes_one_encoding_a_little_below_the_limit() -> None:
    image = Image(1.0)
    found = image.find(image.size(60), prior=sure())
    assert found.outcome is Outcome.PREDICTION_TRUSTED
    assert len(image.tried) == 1
    assert 0.9 * image.size(60) <= found.best.size_bytes <= image.size(60)


@pytest.mark.parametrize("factor", [0.3, 0.7, 1.5, 4.0])
@pytest.mark.parametrize("quality", [5, 30, 70, 95])
def test_no_answer_is_over_the_limit_if_a_lower_quality_fits(factor: float, quality: int) -> None:
    image = Image(factor)
    found = image.find(image.size(quality), prior=sure())
    assert found.outcome is Outcome.PREDICTION_TRUSTED
    assert found.best.size_bytes <= image.size(quality)
    assert len(image.tried) == len(set(image.tried)) <= 4
    assert found.best.quality == image.tried[-1]


def test_the_lowest_quality_is_the_answer_if_none_fits() -> None:
    image = Image(3.0)
    found = image.find(image.size(20) - 1, low=20)
    assert (found.best.quality, found.outcome) == (20, Outcome.MIN_QUALITY_REACHED)


def test_the_highest_quality_is_enough() -> None:
    image = Image(1.0)
    found = image.find(10 * image.size(100), high=80)
    assert (found.best.quality, image.tried) == (80, [80])


@pytest.mark.parametrize("first", [10, 90])
def test_a_quality_that_was_tried_before_only_teaches(first: int) -> None:
    image = Image(2.0)
    found = image.find(image.size(60), first=first)
    assert image.tried[0] == first and len(image.tried) == 2
    assert 40 <= found.best.quality <= 60


def test_files_that_were_tried_are_not_tried_again() -> None:
    equivalents = [1 + 10 * ((quality - 1) // 10) for quality in range(1, 101)]
    image = Image(3.0)
    found = image.find(image.size(41), prior=sure(), equivalents=equivalents)
    files = [equivalents[one - 1] for one in image.tried]
    assert len(files) == len(set(files))
    assert found.best.size_bytes <= image.size(41)


def test_a_deadline_ends_it_with_the_smallest_file() -> None:
    image = Image(4.0)
    found = image.find(image.size(50), prior=sure(), may_continue=lambda _quality: False)
    assert found.outcome is Outcome.DEADLINE_REACHED
    assert [found.best.quality] == image.tried
