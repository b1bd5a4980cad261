"""JPEG XL files that announce more than they hold are refused before libjxl sees them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from autoquality_core.errors import InvalidImage
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.images.jxl import frames
from autoquality_core.images.jxl.icc import MOST_BYTES
from tests.images.files import AMPLE, image_of
from tests.images.jxl_files import Bits, Head, Layer, frames_of, head_of, jxl, with_head

SQUARE = np.full((16, 16, 3), 90, np.uint8)
PICTURE = frames_of(jxl(image_of(SQUARE)))


def refusal(data: bytes, limits: ImageLimits = AMPLE) -> tuple[str, str]:
    """The reason and the message of the refusal, which takes little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(InvalidImage) as caught:
            open_image(data, limits)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(data) + 4_000_000
    finally:
        tracemalloc.stop()
    return caught.value.reason, caught.value.description


@pytest.mark.parametrize(
    "sides", [(1 << 30, 1 << 30), (1 << 30, 1), (1, 1 << 30), (30_000, 30_000)]
)
def test_sides_over_the_limit_are_refused(sides: tuple[int, int]) -> None:
    width, height = sides
    assert refusal(Head(width, height).bytes() + PICTURE) == (
        "IMAGE_TOO_LARGE",
        f"{width}x{height} is {width * height} pixels; at most 50000000 are accepted",
    )


def test_an_image_may_have_as_many_pixels_as_the_limit_and_no_more() -> None:
    data = jxl(image_of(SQUARE))
    assert open_image(data, ImageLimits(max_bytes=10_000, max_pixels=256)).width == 16
    reason, _ = refusal(data, ImageLimits(max_bytes=10_000, max_pixels=255))
    assert reason == "IMAGE_TOO_LARGE"


def test_a_hidden_frame_larger_than_the_image_counts() -> None:
    """Some 1 kB, for which libjxl would allocate 14 GB."""
    hidden = Layer(2, (30_000, 30_000)).bytes(16, 16)
    assert refusal(head_of(SQUARE).bytes() + hidden + PICTURE) == (
        "IMAGE_TOO_LARGE",
        "has 900000256 pixels with all parts; at most 50000000 are accepted",
    )
    small = Layer(2, (300, 200)).bytes(16, 16)
    source = open_image(head_of(SQUARE).bytes() + small + PICTURE, AMPLE)
    assert source.pixels(all_frames=False) == 300 * 200 + 256


def test_each_layer_counts_as_the_whole_image() -> None:
    """Libjxl lays it on all of the image, however small it is."""
    layer = Layer(size=(1, 1)).bytes(4000, 4000)
    data = Head(4000, 4000).bytes() + layer * 20 + Layer(last=True).bytes(4000, 4000)
    assert refusal(data) == (
        "IMAGE_TOO_LARGE",
        "has 336000000 pixels with all parts; at most 50000000 are accepted",
    )


def test_frames_over_the_limit_are_refused() -> None:
    layers = Layer().bytes(16, 16) * 5000
    assert refusal(head_of(SQUARE).bytes() + layers + PICTURE) == (
        "IMAGE_TOO_LARGE",
        "has 2001 frames or more; at most 2000 are accepted",
    )


def test_extra_channels_count_as_samples() -> None:
    """Libjxl decodes all, though only alpha is used."""
    data = Head(3000, 3000, extra=[(1, False)] * 100).bytes() + PICTURE
    assert refusal(data) == (
        "IMAGE_TOO_LARGE",
        "3000x3000 with 103 bands is 927000000 samples; at most 400000000 are accepted",
    )


def test_parts_of_frames_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a number to read; a frame that is 1 pixel high has one for 1024 pixels in a pass."""
    data = Head(5000, 1).bytes() + Layer(last=True, passes=11).bytes(5000, 1)
    monkeypatch.setattr(frames, "_MOST_PARTS", 58)
    assert open_image(data, AMPLE).width == 5000
    monkeypatch.setattr(frames, "_MOST_PARTS", 57)
    assert refusal(data)[0] == "IMAGE_UNREADABLE"


@pytest.mark.parametrize("size", [MOST_BYTES + 1, 1 << 28, (1 << 64) - 1])
def test_profiles_over_the_limit_are_refused(size: int) -> None:
    """They are read byte by byte."""
    announced = Bits().add(2, 3).add(12, size & 0xFFF)
    for shift in range(12, 60, 8):
        announced.flag(True).add(8, size >> shift & 0xFF)
    announced.flag(True).add(4, size >> 60)
    encoding = Bits().flag(False).flag(True).enum(0)
    head = head_of(SQUARE, colours=encoding, profile=announced)
    assert refusal(head.bytes() + bytes(100) + PICTURE)[0] == "IMAGE_UNREADABLE"


def test_a_damaged_picture_is_refused_when_it_is_decoded() -> None:
    data = bytearray(
        jxl(image_of(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)))
    )
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    source = open_image(bytes(data), AMPLE)
    with pytest.raises(InvalidImage) as caught:
        source.decode(all_frames=False)
    assert caught.value.reason == "IMAGE_UNREADABLE"


def test_a_header_that_contradicts_the_frames_is_refused() -> None:
    """Its frame has an alpha channel, the header none."""
    alpha = jxl(image_of(np.full((16, 16, 4), 90, np.uint8)))
    data = with_head(alpha, head_of(SQUARE))
    with pytest.raises(InvalidImage):
        open_image(data, AMPLE).decode(all_frames=False)
