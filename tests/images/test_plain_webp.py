"""Plain WebP files decoded by libwebp: the same samples and the same errors as by libvips."""

from __future__ import annotations

import random

import numpy as np
import pytest
import pyvips

from autoquality_core.errors import InvalidImage
from autoquality_core.images import Pixels, open_image
from autoquality_core.images.plain_files import decode_plain_webp
from tests.formats.sources import grey, moving, photograph, translucent
from tests.images.files import AMPLE

PLAIN: bytes = photograph(61, 83).image.webpsave_buffer(Q=60, keep=0)


def by_libvips(data: bytes) -> np.ndarray | None:
    try:
        image = pyvips.Image.webpload_buffer(data, fail_on="error")
        samples = np.frombuffer(image.write_to_memory(), np.uint8)
    except pyvips.Error:
        return None
    return samples.reshape(1, image.height, image.width, image.bands)


def sides(data: bytes) -> tuple[int, int]:
    image = pyvips.Image.webpload_buffer(data)
    return image.width, image.height


@pytest.mark.parametrize("pixels", [photograph(1, 1), photograph(61, 83), grey()])
@pytest.mark.parametrize("quality", [1, 50, 100])
def test_the_samples_are_those_of_libvips(pixels: Pixels, quality: int) -> None:
    data = pixels.image.webpsave_buffer(Q=quality, keep=0)
    found = decode_plain_webp(data, *sides(data))
    assert found is not None
    assert np.array_equal(found, by_libvips(data))


@pytest.mark.parametrize("pixels", [translucent(), moving()])
def test_other_kinds_are_left_to_libvips(pixels: Pixels) -> None:
    data = pixels.image.webpsave_buffer(Q=50)
    assert decode_plain_webp(data, *sides(data)) is None
    lossless = photograph().image.webpsave_buffer(lossless=True, keep=0)
    assert decode_plain_webp(lossless, *sides(lossless)) is None


def test_damaged_files_are_refused_or_read_as_libvips_does() -> None:
    chance = random.Random(1)
    decoded = 0
    for _ in range(300):
        data = bytearray(PLAIN)
        if chance.random() < 0.3:
            data = data[: chance.randrange(30, len(data))]
        for _ in range(chance.randrange(4)):
            data[chance.randrange(30, len(data))] = chance.randrange(256)
        found = decode_plain_webp(bytes(data), 61, 83)
        if found is not None:
            decoded += 1
            assert np.array_equal(found, by_libvips(bytes(data)))
    assert 50 < decoded < 290


def test_half_a_file_is_an_error_of_the_caller() -> None:
    with pytest.raises(InvalidImage):
        open_image(PLAIN[: len(PLAIN) // 2], AMPLE).decode(all_frames=False)


def test_sides_that_are_not_the_headers_are_left_to_libvips() -> None:
    assert decode_plain_webp(PLAIN, 83, 61) is None
