"""Whether visible colours outside sRGB were clipped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import pyvips

from tests.images.colour.test_render import P3_CHUNK, P3_CODES, SRGB_CODES, decode
from tests.images.files import image_of, png_with, with_profile


@pytest.mark.parametrize(
    ("codes", "colour", "clipped"),
    [
        (P3_CODES, (255, 0, 0), True),
        (P3_CODES, (0, 255, 0), True),
        (P3_CODES, (120, 130, 110), False),
        (P3_CODES, (255, 255, 255), False),
        (P3_CODES, (6, 0, 0), False),  # out of sRGB, but too dark to see it
        ((9, 13), (0, 200, 0), True),
        ((1, 4), (255, 0, 0), False),
        (SRGB_CODES, (255, 0, 0), False),
    ],
)
def test_visible_colours_outside_srgb_are_reported(
    codes: tuple[int, int], colour: tuple[int, int, int], clipped: bool
) -> None:
    image = image_of(np.full((8, 8, 3), colour, np.uint8))
    assert decode(png_with(image, (b"cICP", bytes((*codes, 0, 1))))).clipped is clipped


@pytest.mark.parametrize(("red", "clipped"), [(0, False), (500, False), (2000, True)])
def test_a_few_pixels_in_a_thousand_are_enough_to_report(red: int, clipped: bool) -> None:
    """One in a thousand; of 1000 x 1000."""
    shown = np.full((1_000_000, 3), (120, 130, 110), np.uint8)
    shown[np.random.default_rng(1).permutation(1_000_000)[:red]] = (255, 0, 0)
    assert decode(png_with(image_of(shown.reshape(1000, 1000, 3)), P3_CHUNK)).clipped is clipped


def test_transparent_pixels_do_not_count_as_clipped() -> None:
    shown = np.full((8, 8, 4), (255, 0, 0, 0), np.uint8)
    shown[:4] = (120, 130, 110, 255)
    assert not decode(png_with(image_of(shown), P3_CHUNK)).clipped
    shown[7, 7, 3] = 255
    assert decode(png_with(image_of(shown), P3_CHUNK)).clipped


@pytest.mark.parametrize(("profile", "clipped"), [("srgb", False), ("p3", True)])
def test_profiles_report_what_they_clip(profile: str, clipped: bool) -> None:
    image = image_of(np.full((8, 8, 3), (255, 0, 0), np.uint8))
    assert decode(with_profile(image, pyvips.Image.profile_load(profile))).clipped is clipped


def cmyk(samples: npt.NDArray[np.uint8]) -> bytes:
    image = image_of(samples, "cmyk")
    profile = pyvips.Image.profile_load("cmyk")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return bytes(image.tiffsave_buffer())


def test_cmyk_and_cielab_report_what_they_clip() -> None:
    cyan = np.full((16, 16, 4), (255, 0, 0, 0), np.uint8)
    grey = np.full((16, 16, 4), (0, 0, 0, 100), np.uint8)
    green = np.full((16, 16, 3), (80, -110, 80), np.float32)
    assert decode(cmyk(cyan)).clipped
    assert not decode(cmyk(grey)).clipped
    assert decode(image_of(green, "lab").tiffsave_buffer()).clipped
    assert not decode(image_of(green / 10, "lab").tiffsave_buffer()).clipped


@pytest.mark.parametrize("sides", [(1, 300_000), (300_000, 1)])
def test_thin_images_are_sampled_along_their_length(sides: tuple[int, int]) -> None:
    shown = np.full((*sides, 3), (255, 0, 0), np.uint8)
    assert decode(png_with(image_of(shown), P3_CHUNK)).clipped
    cyan = np.full((*sides, 4), (255, 0, 0, 0), np.uint8)
    assert decode(cmyk(cyan)).clipped
