"""How much detail an image has, and how far its curves may turn back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.priors import dssim_prior
from autoquality_core.priors.features import detail
from autoquality_core.priors.roughness import DETAILED, WHOLE_CHROMA, rough
from autoquality_core.types import AvifOptions, EncoderOptions, Format, JpegOptions
from tests.photos import photo


def photograph() -> Pixels:
    source = photo("coffee.png")
    return open_image(source, ImageLimits(2**26, 2**26)).decode(all_frames=False)


def pattern(height: int, width: int, cell: int) -> Pixels:
    y, x = np.mgrid[:height, :width]
    two = np.array([[0, 0, 0], [220, 220, 220]], np.uint8)
    return Pixels.from_samples(two[(y // cell + x // cell) % 2][None])


def test_a_photograph_has_as_many_different_blocks_as_blocks() -> None:
    pixels = photograph()
    seen = detail(pixels)
    assert seen.blocks > 0.8 * (pixels.width // 8) * (pixels.height // 8)
    assert not seen.simple and not seen.saturated


@pytest.mark.parametrize("side", [64, 1024])
def test_a_pattern_has_as_many_as_repeat_however_large_it_is(side: int) -> None:
    seen = detail(pattern(side, side, 4))
    assert seen.blocks == 1
    assert seen.simple


def test_a_flat_image_has_the_least_there_is() -> None:
    assert detail(Pixels.from_samples(np.full((1, 40, 40, 3), 90, np.uint8))).blocks == 1


def test_a_flat_area_of_a_primary_colour_is_noticed() -> None:
    samples = photograph().samples.copy()
    samples[:, : samples.shape[1] // 8] = 255, 0, 0
    assert detail(Pixels.from_samples(samples)).saturated


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.AVIF])
def test_the_less_detail_the_rougher(fmt: Format) -> None:
    options = EncoderOptions()
    pixels = photograph()
    smooth = rough(pixels, fmt, options, "size", 50_000)
    small = Pixels.from_samples(np.ascontiguousarray(pixels.samples[:, :80, :96]))
    rougher = rough(small, fmt, options, "size", 5_000)
    roughest = rough(pattern(80, 96, 4), fmt, options, "size", 5_000)
    assert rough(pixels, fmt, options, "dssim").near
    assert smooth.allowance < rougher.allowance < roughest.allowance


def test_a_budget_leaves_no_more_detail_than_it_has_room_for() -> None:
    pixels = photograph()
    ample = rough(pixels, Format.WEBP, EncoderOptions(), "size", 50_000)
    tight = rough(pixels, Format.WEBP, EncoderOptions(), "size", 400)
    assert tight.allowance > 5 * ample.allowance


def test_of_a_small_image_every_quality_may_matter_for_a_dssim() -> None:
    assert rough(pattern(40, 40, 5), Format.AVIF, EncoderOptions(), "dssim").allowance == math.inf


def test_a_large_image_is_taken_for_a_photograph_by_its_dssim() -> None:
    wide = pattern(400, 500, 4)
    assert detail(wide).blocks < DETAILED
    found = rough(wide, Format.WEBP, EncoderOptions(), "dssim")
    assert found.allowance == dssim_prior(Format.WEBP, EncoderOptions(), 400 * 500).allowance


@pytest.mark.parametrize(
    ("fmt", "options", "bands", "broken"),
    [
        (Format.JPEG, EncoderOptions(), 3, True),
        (Format.JPEG, EncoderOptions(), 1, False),
        (Format.JPEG, EncoderOptions(jpeg=JpegOptions(no_subsample=True)), 3, False),
        (Format.AVIF, EncoderOptions(), 3, True),
        (Format.AVIF, EncoderOptions(avif=AvifOptions(no_subsample=True)), 3, False),
        (Format.WEBP, EncoderOptions(), 3, False),
    ],
)
def test_curves_break_where_chroma_becomes_whole(
    fmt: Format, options: EncoderOptions, bands: int, broken: bool
) -> None:
    pixels = Pixels.from_samples(np.ascontiguousarray(photograph().samples[..., :bands]))
    found = rough(pixels, fmt, options, "size", 5_000)
    assert found.breaks == ((WHOLE_CHROMA,) if broken else ())
