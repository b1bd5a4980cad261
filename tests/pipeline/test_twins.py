"""AVIF's qualities that come to one file: answer, probes and bounds tell one story."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.encode.methods import DssimSearch, Session, SizeSearch
from autoquality_core.formats import CODECS, equivalents
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.networks import Prediction
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import EncoderOptions, Format, Method, Outcome, ResolvedTarget
from tests.networks import peak_at
from tests.photos import crop

OPTIONS = EncoderOptions()
LIMITS = ImageLimits(2**24, 2**24)
TWINS = equivalents(Format.AVIF, OPTIONS)


def session() -> Session:
    pixels = open_image(crop("coffee.png", 48, 32), LIMITS).decode(all_frames=False)
    return Session(pixels, CODECS[Format.AVIF], OPTIONS, Deadline())


@pytest.mark.parametrize("bands", [2, 4])
def test_with_alpha_fewer_qualities_give_the_same_file(bands: int) -> None:
    """Libheif maps a quality to another quantiser for alpha than for colour."""
    samples = np.random.default_rng(1).integers(0, 256, (1, 24, 32, bands), np.uint8)
    pixels, codec = Pixels.from_samples(samples), CODECS[Format.AVIF]
    files = [codec.encode(pixels, quality, OPTIONS) for quality in range(1, 101)]
    first = tuple(files.index(one) + 1 for one in files)
    assert first == equivalents(Format.AVIF, OPTIONS, has_alpha=True)
    assert len(set(first)) > len(set(TWINS))


@pytest.mark.parametrize("target", [0.004, 0.02, 0.05])
def test_the_named_quality_gives_the_returned_file_with_alpha_too(target: float) -> None:
    photo = open_image(crop("coffee.png", 48, 32), LIMITS).decode(all_frames=False)
    mask = np.linspace(0, 255, 48).astype(np.uint8)
    samples = np.dstack([photo.samples[0], np.tile(mask, (32, 1))])[None]
    pixels, codec = Pixels.from_samples(samples), CODECS[Format.AVIF]
    for low, high in ((1, 100), (10, 95), (60, 65)):
        one = Session(pixels, codec, OPTIONS, Deadline())
        resolved = ResolvedTarget(Method.DSSIM, target, low, high, 0.001)
        answer = DssimSearch().run(one, resolved)
        assert one.encoded(answer.quality) == codec.encode(pixels, answer.quality, OPTIONS)


def test_there_are_twins_at_the_bounds_that_are_tried_here() -> None:
    assert TWINS[63] == TWINS[64]
    assert TWINS[59] == TWINS[60]


@pytest.mark.parametrize(("low", "high"), [(60, 65), (64, 65), (61, 64), (65, 80)])
@pytest.mark.parametrize("first", [None, 60, 61, 64, 65])
@pytest.mark.parametrize("target", [0.0, 0.01, 0.9])
def test_the_answer_is_among_the_probes(
    low: int, high: int, first: int | None, target: float
) -> None:
    prediction = None if first is None else Prediction.from_logits(peak_at(first))
    one = session()
    resolved = ResolvedTarget(Method.ML, target, low, high, 0.0005)
    answer = DssimSearch().search(one, resolved, prediction)
    tried = [probe.quality for probe in one.probes]
    assert answer.quality in tried
    assert len({TWINS[quality - 1] for quality in tried}) == len(tried), "no twin is tried twice"
    if answer.outcome is Outcome.MIN_QUALITY_REACHED:
        assert answer.quality == low
    if answer.outcome is Outcome.MAX_QUALITY_REACHED:
        assert answer.quality == high
    told = next(probe for probe in one.probes if probe.quality == answer.quality)
    assert len(one.encoded(answer.quality)) == told.size_bytes
    assert one.dssim_at(answer.quality) == told.dssim


@pytest.mark.parametrize(("low", "high"), [(60, 65), (64, 65), (1, 100)])
def test_a_budget_is_used_by_the_highest_quality_that_fits(low: int, high: int) -> None:
    sweep = session()
    sizes = np.array([sweep.probe(quality, measure=False).size_bytes for quality in range(1, 101)])
    for budget in sizes[low - 1 : high : 4]:
        one = session()
        answer = SizeSearch().run(one, ResolvedTarget(Method.SIZE, int(budget), low, high, 0.001))
        fitting = np.flatnonzero(sizes[low - 1 : high] <= budget) + low
        assert answer.quality == fitting.max()
        assert answer.quality in [probe.quality for probe in one.probes]
