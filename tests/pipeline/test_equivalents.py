"""AVIF's equivalent qualities: the answer, the probes and the bounds name the same one."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.formats import AvifEncoder
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import Prediction
from autoquality_core.pipeline.methods import ScoreSearch, search_by_size
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Method, Outcome, ResolvedTarget
from tests.networks import peak_at
from tests.photos import crop

AVIF = AvifEncoder()
LIMITS = ImageLimits(2**24, 2**24)
EQUIVALENTS = AVIF.equivalents(has_alpha=False)


def session() -> Session:
    pixels = open_image(crop("coffee.png", 48, 32), LIMITS).decode(all_frames=False)
    return Session(pixels, AVIF, Deadline())


@pytest.mark.parametrize("bands", [2, 4])
def test_with_alpha_fewer_qualities_give_the_same_file(bands: int) -> None:
    """Libheif maps a quality to another quantiser for alpha than for colour."""
    samples = np.random.default_rng(1).integers(0, 256, (1, 24, 32, bands), np.uint8)
    pixels = Pixels(samples)
    files = [AVIF.encode(pixels, quality) for quality in range(1, 101)]
    first = tuple(files.index(one) + 1 for one in files)
    assert first == AVIF.equivalents(has_alpha=True)
    assert len(set(first)) > len(set(EQUIVALENTS))


@pytest.mark.parametrize("target", [0.004, 0.02, 0.05])
def test_the_named_quality_gives_the_returned_file_with_alpha_too(target: float) -> None:
    photo = open_image(crop("coffee.png", 48, 32), LIMITS).decode(all_frames=False)
    mask = np.linspace(0, 255, 48).astype(np.uint8)
    samples = np.dstack([photo.samples[0], np.tile(mask, (32, 1))])[None]
    pixels = Pixels(samples)
    for low, high in ((1, 100), (10, 95), (60, 65)):
        one = Session(pixels, AVIF, Deadline())
        resolved = ResolvedTarget(Method.DSSIM, target, low, high, 0.001)
        answer = ScoreSearch(DSSIM).run(one, resolved)
        assert one.file(answer.quality) == AVIF.encode(pixels, answer.quality)


def test_the_bounds_below_have_equivalent_qualities() -> None:
    assert EQUIVALENTS[63] == EQUIVALENTS[64]
    assert EQUIVALENTS[59] == EQUIVALENTS[60]


@pytest.mark.parametrize(("low", "high"), [(60, 65), (64, 65), (61, 64), (65, 80)])
@pytest.mark.parametrize("first", [None, 60, 64])
@pytest.mark.parametrize("target", [0.0, 0.01, 0.9])
def test_the_answer_is_among_the_probes(
    low: int, high: int, first: int | None, target: float
) -> None:
    prediction = None if first is None else Prediction.from_logits(peak_at(first))
    one = session()
    resolved = ResolvedTarget(Method.ML, target, low, high, 0.0005)
    answer = ScoreSearch(DSSIM).search(one, resolved, prediction)
    tried = [probe.quality for probe in one.probes]
    assert answer.quality in tried
    assert len({EQUIVALENTS[quality - 1] for quality in tried}) == len(tried), (
        "no file is encoded twice"
    )
    if answer.outcome is Outcome.MIN_QUALITY_REACHED:
        assert answer.quality == low
    if answer.outcome is Outcome.MAX_QUALITY_REACHED:
        assert answer.quality == high
    chosen = next(probe for probe in one.probes if probe.quality == answer.quality)
    assert len(one.file(answer.quality)) == chosen.size_bytes
    assert one.scores(answer.quality)["dssim"] == chosen.scores["dssim"]


def test_a_budget_is_used_by_the_highest_quality_that_fits() -> None:
    sweep = session()
    sizes = np.array([sweep.probe(quality).size_bytes for quality in range(1, 101)])
    for low, high in ((60, 65), (64, 65), (1, 100)):
        for budget in sizes[low - 1 : high : 4]:
            one = session()
            answer = search_by_size(one, ResolvedTarget(Method.SIZE, int(budget), low, high, 0.0))
            fitting = np.flatnonzero(sizes[low - 1 : high] <= budget) + low
            assert answer.quality == fitting.max()
            assert answer.quality in [probe.quality for probe in one.probes]
