"""How much detail an image has, and how far its curves may fall."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoquality_core.formats import (
    AvifEncoder,
    AvifOptions,
    Encoder,
    JpegEncoder,
    JpegOptions,
    JxlEncoder,
    WebpEncoder,
)
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import DSSIM, SSIMULACRA2
from autoquality_core.priors import score_prior
from autoquality_core.priors.features import detail
from autoquality_core.priors.roughness import DETAILED, score_roughness, size_roughness
from tests.photos import photo


def photograph() -> Pixels:
    source = photo("coffee.png")
    return open_image(source, ImageLimits(2**26, 2**26)).decode(all_frames=False)


def pattern(height: int, width: int, cell: int) -> Pixels:
    y, x = np.mgrid[:height, :width]
    two = np.array([[0, 0, 0], [220, 220, 220]], np.uint8)
    return Pixels.from_samples(two[(y // cell + x // cell) % 2][None])


def test_nearly_all_blocks_of_a_photograph_differ() -> None:
    pixels = photograph()
    seen = detail(pixels)
    assert seen.blocks > 0.8 * (pixels.width // 8) * (pixels.height // 8)
    assert not seen.simple and not seen.saturated


@pytest.mark.parametrize("side", [64, 1024])
def test_a_pattern_of_any_size_has_the_blocks_of_its_period(side: int) -> None:
    seen = detail(pattern(side, side, 4))
    assert seen.blocks == 1
    assert seen.simple


def test_a_flat_image_has_one_block() -> None:
    assert detail(Pixels.from_samples(np.full((1, 40, 40, 3), 90, np.uint8))).blocks == 1


def test_a_flat_area_of_a_primary_colour_is_saturated() -> None:
    samples = photograph().samples.copy()
    samples[:, : samples.shape[1] // 8] = 255, 0, 0
    assert detail(Pixels.from_samples(samples)).saturated


@pytest.mark.parametrize("encoder", [JpegEncoder(), WebpEncoder(), AvifEncoder()])
def test_the_less_detail_the_rougher(encoder: Encoder) -> None:
    pixels = photograph()
    smooth = size_roughness(pixels, encoder, 50_000)
    small = Pixels.from_samples(np.ascontiguousarray(pixels.samples[:, :80, :96]))
    rougher = size_roughness(small, encoder, 5_000)
    roughest = size_roughness(pattern(80, 96, 4), encoder, 5_000)
    found = score_roughness(pixels, encoder, DSSIM)
    assert found.near and found.margin == math.inf
    assert 0 < score_roughness(pixels, encoder, SSIMULACRA2).margin < 1
    assert smooth.allowance < rougher.allowance < roughest.allowance


def test_a_small_budget_leaves_less_detail() -> None:
    pixels = photograph()
    ample = size_roughness(pixels, WebpEncoder(), 50_000)
    tight = size_roughness(pixels, WebpEncoder(), 400)
    assert tight.allowance > 5 * ample.allowance


def test_in_a_small_image_every_quality_may_have_the_score() -> None:
    found = score_roughness(pattern(40, 40, 5), AvifEncoder(), DSSIM)
    assert found.allowance == math.inf


def test_a_large_image_has_the_score_allowance_of_photographs() -> None:
    wide = pattern(400, 500, 4)
    assert detail(wide).blocks < DETAILED
    found = score_roughness(wide, WebpEncoder(), DSSIM)
    assert found.allowance == score_prior(WebpEncoder(), DSSIM, 400 * 500).allowance


@pytest.mark.parametrize(
    ("encoder", "bands", "broken"),
    [
        (JpegEncoder(), 3, True),
        (JpegEncoder(), 1, False),
        (JpegEncoder(JpegOptions(no_subsample=True)), 3, False),
        (AvifEncoder(), 3, True),
        (AvifEncoder(AvifOptions(no_subsample=True)), 3, False),
        (WebpEncoder(), 3, False),
    ],
)
def test_curves_break_at_quality_90_where_chroma_becomes_whole(
    encoder: Encoder, bands: int, broken: bool
) -> None:
    pixels = Pixels.from_samples(np.ascontiguousarray(photograph().samples[..., :bands]))
    assert size_roughness(pixels, encoder, 5_000).breaks == ((90,) if broken else ())


def test_the_fall_at_a_break_of_jpeg_xl_does_not_open_the_rest_of_the_curve() -> None:
    found = size_roughness(photograph(), JxlEncoder(), 5_000_000)
    assert found.breaks == JxlEncoder().breaks(grey=False)
    assert found.across > 10 * found.allowance
