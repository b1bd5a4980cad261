"""Raw pixels are wrapped without a copy; errors name the wrong field."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.errors import InvalidImage, InvalidRequest
from autoquality_core.images import ImageLimits, check_raw, from_raw
from autoquality_core.types import RawSource
from tests.images.files import AMPLE


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_raw_pixels_are_unchanged(bands: int) -> None:
    samples = np.arange(5 * 7 * bands, dtype=np.uint8).reshape(1, 5, 7, bands)
    pixels = from_raw(RawSource(7, 5, bands, samples.tobytes()))
    assert np.array_equal(pixels.samples, samples)
    assert np.array_equal(pixels.image.numpy().reshape(5, 7, bands), samples[0])
    assert pixels.image.interpretation == ("b-w" if bands < 3 else "srgb")
    assert not pixels.samples.flags.writeable


def test_raw_pixels_are_not_copied() -> None:
    data = bytes(range(12))
    pixels = from_raw(RawSource(2, 2, 3, data))
    assert np.shares_memory(pixels.samples, np.frombuffer(data, np.uint8))


def test_an_opaque_alpha_of_raw_pixels_is_dropped() -> None:
    pixels = from_raw(RawSource(1, 1, 4, bytes((1, 2, 3, 255))))
    assert pixels.samples.tolist() == [[[[1, 2, 3]]]]


@pytest.mark.parametrize(
    ("raw", "field", "message"),
    [
        (RawSource(0, 2, 3, b""), "raw.width", "must be 1 or more, is 0"),
        (RawSource(2, -1, 3, b""), "raw.height", "must be 1 or more, is -1"),
        (
            RawSource(2, 2, 5, bytes(20)),
            "raw.bands",
            "must be 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha), is 5",
        ),
        (
            RawSource(640, 480, 3, bytes(12)),
            "raw.pixels",
            "640x480x3 needs 921600 bytes, got 12",
        ),
        (RawSource(1, 1, 1, bytes(2)), "raw.pixels", "1x1x1 needs 1 bytes, got 2"),
    ],
)
def test_a_wrong_field_is_named(raw: RawSource, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_raw(raw, AMPLE)
    assert (caught.value.field, caught.value.description) == (field, message)


def test_the_limit_of_raw_pixels_is_checked_before_their_bytes() -> None:
    with pytest.raises(InvalidImage) as caught:
        check_raw(RawSource(100000, 100000, 4, b""), ImageLimits(1000, 5000))
    assert caught.value.reason == "IMAGE_TOO_LARGE"
    assert caught.value.description == (
        "100000x100000 is 10000000000 pixels; at most 5000 are accepted"
    )
