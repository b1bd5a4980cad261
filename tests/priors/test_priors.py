"""Where the search starts: learned curves, offsets for other options, and the unlearned prior."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from autoquality_core.formats import (
    BEST_MOZJPEG,
    ENCODERS,
    AvifEncoder,
    AvifOptions,
    Encoder,
    JpegEncoder,
    JpegOptions,
    JxlEncoder,
    JxlOptions,
    WebpEncoder,
    WebpOptions,
    options_of,
)
from autoquality_core.images import Pixels
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2
from autoquality_core.priors import (
    SIZE,
    load_offset,
    load_prior,
    score_prior,
    size_prior,
    unlearned,
)
from autoquality_core.search import CurvePrior
from autoquality_core.types import Chroma
from tests.photos import crop

AREA = 512 * 512
EFFORTS = ("effort", "speed")
OTHER_EFFORTS = (
    *((WebpEncoder(), WebpEncoder(WebpOptions(effort=one))) for one in (0, 1, 2, 6)),
    *((AvifEncoder(), AvifEncoder(AvifOptions(speed=one))) for one in (4, 6, 7, 9)),
    *((JxlEncoder(), JxlEncoder(JxlOptions(effort=one))) for one in (1, 3, 4, 7)),
)

each_curve = pytest.mark.parametrize("curve", [*METRICS, SIZE])


def prior_of(encoder: Encoder, curve: str) -> CurvePrior:
    if curve == SIZE:
        return size_prior(encoder, AREA)
    return score_prior(encoder, METRICS[curve], AREA)


@each_curve
@pytest.mark.parametrize(
    ("encoder", "key"),
    [
        (JpegEncoder(), "jpeg"),
        (JpegEncoder(JpegOptions(progressive=True)), "jpeg"),
        (JpegEncoder(BEST_MOZJPEG), "jpeg-mozjpeg"),
        (WebpEncoder(), "webp"),
        (AvifEncoder(), "avif"),
    ],
)
def test_every_encoder_has_a_learned_curve_that_rises(
    encoder: Encoder, key: str, curve: str
) -> None:
    assert encoder.learned == key
    prior = prior_of(encoder, curve)
    assert np.all(np.diff(prior.mean[9:95]) >= 0)
    assert np.linalg.eigvalsh(prior.covariance).min() > -1e-9
    assert not np.array_equal(prior.mean, unlearned(curve).mean)


@each_curve
def test_an_encoder_without_a_file_gets_the_unlearned_prior(curve: str) -> None:
    found, expected = load_prior("never-learned", curve), unlearned(curve)
    assert np.array_equal(found.mean, expected.mean)
    assert found.roughness == expected.roughness


def test_curves_of_small_images_may_fall_further() -> None:
    sizes = [size_prior(WebpEncoder(), side**2).roughness.allowance for side in (64, 512, 2048)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == pytest.approx(8 * sizes[1])
    tiny, usual, large = (
        score_prior(WebpEncoder(), DSSIM, side**2).roughness.allowance for side in (16, 160, 2048)
    )
    assert tiny == pytest.approx(10 * usual) and usual == large
    tiny, usual, large = (
        score_prior(WebpEncoder(), SSIMULACRA2, side**2).roughness.allowance
        for side in (128, 512, 2048)
    )
    assert tiny == pytest.approx(4 * usual) and usual == large


def test_scores_a_few_qualities_apart_have_allowances_of_their_own() -> None:
    dssim, other = (score_prior(JpegEncoder(), one, AREA).roughness for one in (DSSIM, SSIMULACRA2))
    assert dssim.near and dssim.margin == math.inf
    assert other.near and 0 < other.margin < 1
    assert size_prior(JpegEncoder(), AREA).roughness.near == ()


@pytest.mark.parametrize(
    ("encoder", "breaks"),
    [
        (JpegEncoder(), (90,)),
        (JpegEncoder(JpegOptions(no_subsample=True)), ()),
        (AvifEncoder(), (90,)),
        (AvifEncoder(AvifOptions(no_subsample=True)), ()),
        (WebpEncoder(), ()),
    ],
)
def test_curves_break_at_quality_90_where_chroma_becomes_whole(
    encoder: Encoder, breaks: tuple[int, ...]
) -> None:
    assert size_prior(encoder, AREA).roughness.breaks == breaks
    assert score_prior(encoder, DSSIM, AREA).roughness.breaks == breaks


def test_the_fall_at_a_break_of_jpeg_xl_does_not_open_the_rest_of_the_curve() -> None:
    found = size_prior(JxlEncoder(), 600 * 400).roughness
    assert found.breaks == JxlEncoder().breaks
    assert found.across > 10 * found.allowance


def test_the_sizes_of_jpeg_xl_hardly_fall_at_high_qualities() -> None:
    found = size_prior(JxlEncoder(), 600 * 400).roughness
    assert found.smooth_from == 57
    assert found.smooth < 0.75 * found.allowance
    small = size_prior(JxlEncoder(), 60 * 40).roughness
    assert small.smooth == pytest.approx(10 * found.smooth)
    assert score_prior(JxlEncoder(), DSSIM, 600 * 400).roughness.smooth == math.inf


def test_a_larger_image_of_the_same_content_has_the_values_that_its_prior_expects() -> None:
    """A crop mirrored at its edges gives the same JPEG blocks four times, but less border."""
    encoder = JpegEncoder()
    small = np.asarray(Image.open(io.BytesIO(crop("coffee.png", 448, 400))).convert("RGB"))
    wide = np.concatenate([small, small[:, ::-1]], axis=1)
    both = [
        Pixels(np.ascontiguousarray(one)[None])
        for one in (small, np.concatenate([wide, wide[::-1]]))
    ]
    for metric in METRICS.values():
        away = np.zeros((3, 2))
        for row, quality in enumerate((50, 70, 85)):
            for column, pixels in enumerate(both):
                decoded = encoder.decode(encoder.encode(pixels, quality), pixels)
                value = metric.value(metric.reference(pixels).score(decoded))
                expected = score_prior(encoder, metric, pixels.width * pixels.height).mean
                away[row, column] = value - expected[quality - 1]
        assert (away[:, 1] - away[:, 0]).mean() == pytest.approx(0, abs=0.015), metric.name


@each_curve
@pytest.mark.parametrize(("usual", "other"), OTHER_EFFORTS)
def test_other_efforts_start_from_a_moved_and_less_certain_curve(
    usual: Encoder, other: Encoder, curve: str
) -> None:
    offset = load_offset(*other.learned_offsets, curve)
    assert offset is not None
    before, after = prior_of(usual, curve), prior_of(other, curve)
    assert after.mean - before.mean == pytest.approx(offset.mean)
    assert (np.diag(after.covariance) > np.diag(before.covariance)).all()
    assert np.linalg.eigvalsh(offset.covariance).min() > -1e-9


@pytest.mark.parametrize(
    ("encoder", "quality"), [(one, quality) for _, one in OTHER_EFFORTS for quality in (40, 70)]
)
def test_the_offset_of_an_effort_is_that_of_its_files(encoder: Encoder, quality: int) -> None:
    """Within three of its standard deviations, on one photograph."""
    pixels = Pixels(
        np.asarray(Image.open(io.BytesIO(crop("coffee.png", 256, 256))).convert("RGB"))[None]
    )
    usual = ENCODERS[encoder.format]()
    files = [one.encode(pixels, quality) for one in (usual, encoder)]
    away = {SIZE: math.log(len(files[1]) / len(files[0]))}
    for metric in METRICS.values():
        reference = metric.reference(pixels)
        before, after = (metric.value(reference.score(usual.decode(one, pixels))) for one in files)
        away[metric.name] = after - before
    for curve, moved in away.items():
        offset = load_offset(*encoder.learned_offsets, curve)
        assert offset is not None
        deviation = math.sqrt(offset.covariance[quality - 1, quality - 1])
        assert moved == pytest.approx(offset.mean[quality - 1], abs=3 * deviation), curve


def test_every_effort_has_learned_curves() -> None:
    """Files of WebP's efforts 3 and 4 differ too little to be learned apart."""
    usual = {WebpEncoder: (3, 4), AvifEncoder: (8,), JxlEncoder: (5,)}
    for kind, known in usual.items():
        (effort,) = (one for one in options_of(type(kind().options)) if one.name in EFFORTS)
        for value in range(effort.low, effort.high + 1):
            encoder = kind(replace(kind().options, **{effort.name: value}))
            assert (encoder.learned_offsets == ()) is (value in known), value
            assert all(load_offset(one, SIZE) for one in encoder.learned_offsets)


@pytest.mark.parametrize("usual", [JpegEncoder(), JpegEncoder(BEST_MOZJPEG), AvifEncoder()])
def test_full_chroma_looks_better_by_as_much_as_the_step_where_it_is_usual(usual: Encoder) -> None:
    """So the curve of scores has no step, and below it much of an image's own step is known."""
    full = usual.with_chroma(Chroma.FULL)
    curve = SSIMULACRA2.name
    offset = load_offset(*full.learned_offsets, curve)
    assert offset is not None and offset.gain is not None
    before, after = prior_of(usual, curve).mean, prior_of(full, curve).mean
    assert after[89:] == pytest.approx(before[89:], abs=0.02)
    assert before[89] - before[88] > 2 * (after[89] - after[88])
    assert offset.gain[88] == pytest.approx(1, abs=0.1)
    assert 0 < offset.gain[20] < offset.gain[60] < offset.gain[88]


def test_slow_options_with_full_chroma_have_both_offsets() -> None:
    encoder = AvifEncoder(AvifOptions(speed=4, chroma=Chroma.FULL))
    assert encoder.learned_offsets == ("avif-speed-4", "avif-full")
    parts = [load_offset(one, SIZE) for one in encoder.learned_offsets]
    assert all(parts)
    for part in parts:
        assert part is not None
    slow = prior_of(AvifEncoder(AvifOptions(speed=4)), SIZE).mean
    assert prior_of(encoder, SIZE).mean[:80].mean() > slow[:80].mean()
