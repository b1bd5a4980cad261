"""WebP keeps animations, and their luma keeps step with the source's frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.formats import encoder_for
from autoquality_core.images import Pixels, luma, open_image
from autoquality_core.types import Format
from tests.formats.sources import decoded_luma, moving
from tests.images.files import AMPLE, animated

CODEC = encoder_for(Format.WEBP)
SHADES = [0, 60, 120, 180, 240]


def encode(pixels: Pixels) -> bytes:
    return CODEC.encode(pixels, 80)


def frames_of(shades: list[int]) -> npt.NDArray[np.uint8]:
    """Plain frames, one of each shade of grey."""
    return np.stack([np.full((16, 16, 3), shade, np.uint8) for shade in shades])


def test_frames_delays_and_loops_are_kept() -> None:
    data = animated(list(moving().samples), [80, 120, 200], "gif")
    pixels = open_image(data, AMPLE).decode(all_frames=True)
    image = pyvips.Image.webpload_buffer(encode(pixels), n=-1)
    assert image.get("n-pages") == 3
    assert image.get("delay") == [80, 120, 200]
    assert image.get("loop") == 3


@pytest.mark.parametrize("bands", [3, 4])
def test_the_luma_of_every_frame_is_that_of_the_decoded_file(bands: int) -> None:
    pixels = moving(bands=bands)
    data = encode(pixels)
    found = decoded_luma(CODEC, data, pixels)
    decoded = open_image(data, AMPLE).decode(all_frames=True)
    assert found.shape == luma(pixels).shape
    assert np.array_equal(found, luma(decoded))


@settings(deadline=None, max_examples=40)
@given(
    shown=st.lists(
        st.tuples(st.sampled_from(SHADES), st.sampled_from([0, 5, 10, 11, 40, 100, 700])),
        min_size=2,
        max_size=8,
    )
)
@pytest.mark.parametrize("fmt", ["pixels", "gif", "webp"])
def test_merged_frames_are_separated_again(fmt: str, shown: list[tuple[int, int]]) -> None:
    """The encoder makes one frame of several that are alike: each still has its luma."""
    shades, delays = [shade for shade, _ in shown], [delay for _, delay in shown]
    pixels = Pixels(frames_of(shades), delays)
    if fmt != "pixels":
        data = animated(list(pixels.samples), delays, fmt)
        pixels = open_image(data, AMPLE).decode(all_frames=True)
    found = decoded_luma(CODEC, encode(pixels), pixels)
    assert found.shape == luma(pixels).shape
    assert np.abs(found.astype(int) - luma(pixels)).max() <= 4


def test_the_encoder_does_merge_frames() -> None:
    """Otherwise the test above would show nothing."""
    pixels = Pixels(frames_of([0, 0, 60, 60, 120]), [100, 40, 5, 10, 0])
    image = pyvips.Image.webpload_buffer(encode(pixels), n=-1)
    assert image.get("n-pages") == 3
    assert image.get("delay") == [140, 200, 100]


@pytest.mark.parametrize(("shades", "frames"), [([0, 0, 60, 60, 120], 3), ([60] * 5, 1), ([0], 1)])
def test_the_frames_of_a_file_are_those_that_the_encoder_left(
    shades: list[int], frames: int
) -> None:
    pixels = Pixels(frames_of(shades), [100] * len(shades))
    assert CODEC.frames(encode(pixels), pixels) == frames


def test_an_animation_that_never_moves_keeps_its_number_of_frames() -> None:
    pixels = Pixels(frames_of([60] * 5), [40] * 5)
    assert decoded_luma(CODEC, encode(pixels), pixels).shape == (1, 5, 16, 16)


def test_an_animation_may_be_taller_in_all_than_a_webp_may_be() -> None:
    samples = np.zeros((200, 100, 16, 3), np.uint8)
    samples[:, 40:60] = np.arange(200, dtype=np.uint8).reshape(-1, 1, 1, 1)
    pixels = Pixels(samples, [20] * 200)
    assert pixels.image.height > CODEC.max_side
    assert open_image(encode(pixels), AMPLE).frames > 1
