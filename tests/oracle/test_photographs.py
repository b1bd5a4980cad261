"""On real photographs and real codecs the search finds what trying every quality finds."""

from __future__ import annotations

from functools import cache
from itertools import cycle

import numpy as np
import numpy.typing as npt
import pytest

from autoquality_core.formats import (
    BEST_MOZJPEG,
    AvifEncoder,
    Encoder,
    JpegEncoder,
    WebpEncoder,
    WebpOptions,
)
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import DSSIM, SSIMULACRA2, Metric
from autoquality_core.pipeline.session import Session
from autoquality_core.priors import SIZE, score_prior, size_prior, unlearned
from autoquality_core.priors.features import luma_features, with_chroma
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import (
    CurvePrior,
    Goal,
    Observation,
    ScoreGoal,
    SizeGoal,
    search,
)
from autoquality_train.judging.oracle import agree, oracle
from tests.photos import crop

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
SIDE = 160
AREA = SIDE * SIDE
ENCODERS = (JpegEncoder(), JpegEncoder(BEST_MOZJPEG), WebpEncoder(), AvifEncoder())
LOW, HIGH = 10, 95
RANGES = ((LOW, HIGH), (70, 80), (30, 31), (60, 65))


@cache
def pixels_of(name: str) -> Pixels:
    return open_image(crop(name, SIDE, SIDE), ImageLimits(2**24, 2**24)).decode(all_frames=False)


@cache
def features_of(name: str) -> npt.NDArray[np.float64]:
    return luma_features(pixels_of(name))


@cache
def size_features_of(name: str) -> npt.NDArray[np.float64]:
    return with_chroma(features_of(name), pixels_of(name))


@cache
def session_of(name: str, encoder: Encoder) -> Session:
    """Every quality of one photograph, encoded as a request would."""
    session = Session(pixels_of(name), encoder, Deadline())
    for quality in range(LOW, HIGH + 1):
        session.probe(quality)
    return session


@cache
def sweep(name: str, encoder: Encoder, metric: Metric = DSSIM) -> dict[int, Observation]:
    """Every quality of one photograph, encoded and measured as a request would."""
    session = session_of(name, encoder)
    for quality in range(LOW, HIGH + 1):
        session.measure(quality, metric)
    return {
        quality: Observation(quality, session.size(quality), session.scores(quality)[metric.name])
        for quality in range(LOW, HIGH + 1)
    }


def check(
    curve: dict[int, Observation],
    objective: Goal,
    prior: CurvePrior,
    low: int,
    high: int,
    equivalents: tuple[int, ...],
) -> int:
    """Compare the search with the oracle, and return the number of encodings."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return curve[quality]

    found = search(objective, low, high, attempt, prior=prior, equivalents=equivalents)
    expected = oracle(objective, low, high, curve.__getitem__)
    assert agree(objective, found, expected), (objective, low, high, found, expected)
    return len(tried)


each_encoder = pytest.mark.parametrize("encoder", ENCODERS, ids=lambda one: one.learned)
each_photo = pytest.mark.parametrize("name", PHOTOS[:3])


TARGETS: dict[Metric, tuple[tuple[float, ...], tuple[float, ...]]] = {
    DSSIM: ((0.002, 0.005, 0.01, 0.02, 0.04, 0.08), (0.0, 0.0005, 0.001, 0.002)),
    SSIMULACRA2: ((30.0, 50.0, 70.0, 80.0, 85.0, 90.0), (0.0, 0.25, 1.0, 3.0)),
}
"""Targets and allowed errors of each metric."""


@each_encoder
@each_photo
@pytest.mark.parametrize("metric", TARGETS, ids=lambda one: one.name)
def test_a_search_for_a_score_agrees_with_the_oracle(
    metric: Metric, name: str, encoder: Encoder
) -> None:
    curve, equivalents = sweep(name, encoder, metric), encoder.equivalents(has_alpha=False)
    features = session_of(name, encoder).features_for(metric)
    usual = [score_prior(encoder, metric, AREA, seen) for seen in (None, features)]
    targets, errors = TARGETS[metric]
    one, other = errors[::2], errors[1::2]
    some = cycle((one, other, other, one))  # by turns
    for prior in (*usual, unlearned(metric.name)):
        for at, target in enumerate(targets):
            for low, high in RANGES[at % 2 :: 2]:
                for error in next(some):
                    goal = ScoreGoal(metric, target, error)
                    check(curve, goal, prior, low, high, equivalents)


@each_encoder
@each_photo
def test_a_search_for_a_size_agrees_with_the_oracle(name: str, encoder: Encoder) -> None:
    curve, equivalents = sweep(name, encoder), encoder.equivalents(has_alpha=False)
    sizes = [one.size_bytes for one in curve.values()]
    budgets = [min(sizes) - 1, *sizes[::7], *(size + 3 for size in sizes[::9]), max(sizes) + 1]
    usual = [size_prior(encoder, AREA, seen) for seen in (None, size_features_of(name))]
    for prior in (*usual, unlearned(SIZE)):
        for at, budget in enumerate(budgets):
            for low, high in RANGES[at % 2 :: 2]:
                goal = SizeGoal(budget, AREA)
                check(curve, goal, prior, low, high, equivalents)


@each_encoder
def test_the_learned_prior_needs_few_encodings(encoder: Encoder) -> None:
    """The mean over photographs and targets, in the wide range at the default allowed error."""
    counts = [
        check(
            sweep(name, encoder),
            ScoreGoal(DSSIM, target, 0.001),
            score_prior(encoder, DSSIM, AREA),
            *(LOW, HIGH),
            encoder.equivalents(has_alpha=False),
        )
        for name in PHOTOS
        for target in (0.01, 0.02)
    ]
    assert sum(counts) / len(counts) < 3


@each_photo
def test_a_budget_is_used_best_though_fast_webp_files_shrink_at_some_qualities(name: str) -> None:
    fast = WebpEncoder(WebpOptions(effort=0))
    sizes = {quality: session_of(name, fast).size(quality) for quality in range(LOW, HIGH + 1)}
    files = {quality: Observation(quality, size) for quality, size in sizes.items()}
    assert any(sizes[quality] > sizes[quality + 1] + 50 for quality in range(LOW, HIGH))
    for quality in range(30, HIGH, 4):
        check(
            *(files, SizeGoal(sizes[quality] + 2, AREA)),
            *(size_prior(fast, AREA, size_features_of(name)), LOW, HIGH),
            fast.equivalents(has_alpha=False),
        )


@each_encoder
def test_features_save_encodings(encoder: Encoder) -> None:
    """Over photographs, targets and budgets, against the same search without them."""
    equivalents = encoder.equivalents(has_alpha=False)
    without = with_them = 0
    for name in PHOTOS:
        curve = sweep(name, encoder)
        for target in (0.005, 0.01, 0.02, 0.04):
            goal = ScoreGoal(DSSIM, target, 0.001)
            prior = score_prior(encoder, DSSIM, AREA)
            without += check(curve, goal, prior, LOW, HIGH, equivalents)
            prior = score_prior(encoder, DSSIM, AREA, features_of(name))
            with_them += check(curve, goal, prior, LOW, HIGH, equivalents)
        for quality in (30, 50, 70, 90):
            budget = SizeGoal(curve[quality].size_bytes + 2, AREA)
            without += check(curve, budget, size_prior(encoder, AREA), LOW, HIGH, equivalents)
            prior = size_prior(encoder, AREA, size_features_of(name))
            with_them += check(curve, budget, prior, LOW, HIGH, equivalents)
    assert with_them < 0.9 * without
