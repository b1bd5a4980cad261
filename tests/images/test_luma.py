"""Luma planes, and pixels without their alpha."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from autoquality_core.images import Pixels, luma, luma_planes

WEIGHTS = (0.299, 0.587, 0.114)  # ITU-R BT.601


def weighed(colours: npt.NDArray) -> npt.NDArray[np.float64]:
    """Luma by the formula, unrounded; of grey, itself."""
    return colours[..., 0] if colours.shape[-1] == 1 else colours @ np.array(WEIGHTS)


def pictures(bands: int) -> st.SearchStrategy[npt.NDArray[np.uint8]]:
    shapes = st.tuples(*[st.integers(1, 5)] * 3).map(lambda sides: (*sides, bands))
    return npst.arrays(np.uint8, shapes)


@settings(deadline=None)
@given(samples=pictures(3))
def test_luma_of_rgb_is_bt601(samples: npt.NDArray[np.uint8]) -> None:
    found = luma(Pixels(samples))
    assert found.shape == (1, *samples.shape[:3])
    assert np.abs(found[0] - weighed(samples)).max() <= 0.51


def test_grey_is_its_own_luma_in_the_same_memory() -> None:
    pixels = Pixels(np.arange(12, dtype=np.uint8).reshape(2, 2, 3, 1))
    found = luma(pixels)
    assert np.array_equal(found[0], pixels.samples[..., 0])
    assert np.shares_memory(found, pixels.samples)


@pytest.mark.parametrize("bands", [2, 4])
@settings(deadline=None)
@given(data=st.data())
def test_alpha_gives_two_surfaces_over_black_and_over_white(
    bands: int, data: st.DataObject
) -> None:
    samples = data.draw(pictures(bands))
    found = luma_planes(samples, over_backgrounds=True)
    alpha = samples[..., -1:] / 255
    black = weighed(np.rint(samples[..., :-1] * alpha))
    white = weighed(np.rint(samples[..., :-1] * alpha + 255 * (1 - alpha)))
    assert found.shape == (2, *samples.shape[:3])
    assert np.abs(found[0] - black).max() <= 0.51
    assert np.abs(found[1] - white).max() <= 0.51


def test_each_channel_is_composited_and_rounded_before_it_is_weighed() -> None:
    """Every level of each channel at every alpha; whole numbers, as OpenCV weighs RGB."""
    colours, alpha = np.indices((256, 256), np.uint8)
    samples = np.stack([colours, np.roll(colours, 85, 0), np.roll(colours, 170, 0), alpha], -1)
    share = samples[..., 3:] / 255
    found = luma_planes(samples[np.newaxis], over_backgrounds=True)
    for surface, background in zip(found, (0, 255), strict=True):
        shown = np.rint(samples[..., :3] * share + background * (1 - share)).astype(np.uint8)
        assert np.array_equal(surface[0], cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY))


def test_without_alpha_both_backgrounds_have_the_same_luma() -> None:
    samples = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    found = luma_planes(samples, over_backgrounds=True)
    assert found.shape == (2, 1, 2, 4)
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize(
    ("colours", "background", "expected"),
    [
        ((200, 100, 0), (255, 255, 255), (227, 177, 127)),
        ((200, 100, 0), (0, 100, 200), (100, 100, 100)),
        ((80,), (255, 255, 255), (167,)),
        ((80,), (255, 0, 0), (167, 40, 40)),
    ],
)
def test_flattened_blends_the_image_with_the_background_to_the_nearest_level(
    colours: tuple[int, ...], background: tuple[int, int, int], expected: tuple[int, ...]
) -> None:
    samples = np.full((1, 3, 3, len(colours) + 1), (*colours, 128), np.uint8)
    samples[0, 0, 0, -1] = 255
    samples[0, 0, 1, -1] = 0
    flat = Pixels(samples).flattened(background)
    assert flat.samples[0, 2, 2].tolist() == list(expected)
    assert flat.samples[0, 0, 0].tolist() == list(np.resize(colours, len(expected)))
    assert flat.samples[0, 0, 1].tolist() == list(background[: len(expected)])
    assert np.array_equal(flat.image.numpy().reshape(3, 3, -1), flat.samples[0])


def test_flattening_keeps_an_animation() -> None:
    samples = np.full((3, 2, 2, 4), 100, np.uint8)
    flat = Pixels(samples, (10, 20, 30)).flattened((0, 0, 0))
    assert (flat.samples.shape, flat.delays) == ((3, 2, 2, 3), (10, 20, 30))
    assert flat.image.get_page_height() == 2


def test_flattening_changes_nothing_without_alpha() -> None:
    pixels = Pixels(np.zeros((1, 2, 2, 3), np.uint8))
    assert pixels.flattened((1, 2, 3)) is pixels
