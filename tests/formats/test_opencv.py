"""OpenCV writes the same files as libvips, and reads the same samples."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
import pyvips

from autoquality_core.formats import (
    BEST_MOZJPEG,
    EncoderOptions,
    JpegOptions,
    WebpOptions,
    encoder_for,
    jpeg,
    opencv,
    webp,
)
from autoquality_core.formats.jpeg import JpegEncoder
from autoquality_core.formats.webp import WebpEncoder
from autoquality_core.images import Pixels, luma_planes
from autoquality_core.types import Chroma, Format
from tests.formats.sources import decoded_luma, grey, moving, photograph, translucent

SOURCES = {
    "colour": photograph(),
    "grey": grey(),
    "1x1": photograph(1, 1),
    "odd sides": photograph(17, 31),
    "a column": photograph(1, 40),
}
QUALITIES = (1, 10, 50, 80, 89, 90, 95, 100)

each_source = pytest.mark.parametrize("source", SOURCES)


def read(data: bytes, pixels: Pixels) -> np.ndarray:
    """The luma of a file as libvips decodes it."""
    image = pyvips.Image.new_from_buffer(data, "")
    samples = np.frombuffer(image.write_to_memory(), np.uint8)
    return luma_planes(
        samples.reshape(1, image.height, image.width, image.bands),
        over_backgrounds=pixels.has_alpha,
    )


@each_source
@pytest.mark.parametrize("chroma", [Chroma.BY_QUALITY, Chroma.SUBSAMPLED, Chroma.FULL])
def test_a_plain_jpeg_is_the_file_that_libvips_writes(source: str, chroma: Chroma) -> None:
    pixels, options = SOURCES[source], JpegOptions(chroma=chroma)
    plain = encoder_for(Format.JPEG, EncoderOptions(jpeg=options))
    for quality in QUALITIES:
        swiftly = opencv.jpeg(pixels, quality, chroma)
        assert swiftly == JpegEncoder(options).by_libvips(pixels, quality), quality
        assert swiftly == plain.encode(pixels, quality), quality


@pytest.mark.parametrize("source", ["colour", "1x1", "odd sides", "a column"])
def test_a_plain_webp_is_the_file_that_libvips_writes(source: str) -> None:
    pixels = SOURCES[source]
    for quality in QUALITIES:
        swiftly = opencv.webp(pixels, quality)
        assert swiftly == WebpEncoder().by_libvips(pixels, quality), quality
        assert swiftly == encoder_for(Format.WEBP).encode(pixels, quality), quality


@each_source
@pytest.mark.parametrize(
    ("fmt", "options"),
    [
        (Format.JPEG, EncoderOptions()),
        (Format.JPEG, EncoderOptions(jpeg=BEST_MOZJPEG)),
        (Format.JPEG, EncoderOptions(jpeg=JpegOptions(no_subsample=True))),
        (Format.WEBP, EncoderOptions()),
        (Format.WEBP, EncoderOptions(webp=WebpOptions(effort=0, smart_subsample=True))),
    ],
    ids=["JPEG", "best mozjpeg", "JPEG 4:4:4", "WebP", "WebP sharp"],
)
def test_luma_is_what_libvips_reads(source: str, fmt: Format, options: EncoderOptions) -> None:
    pixels = SOURCES[source]
    for quality in QUALITIES:
        data = encoder_for(fmt, options).encode(pixels, quality)
        bands = pixels.bands if fmt is Format.JPEG else 3
        assert opencv.decoded(data, pixels, bands) is not None
        assert np.array_equal(decoded_luma(encoder_for(fmt), data, pixels), read(data, pixels))


def test_both_are_used_here() -> None:
    assert jpeg._opencv_agrees()
    assert webp._opencv_agrees()


def test_another_encoder_inside_is_noticed() -> None:
    def other(pixels: Pixels, quality: int) -> bytes:
        return JpegEncoder().by_libvips(pixels, max(quality - 1, 1))

    def swiftly(pixels: Pixels, quality: int) -> bytes | None:
        return opencv.jpeg(pixels, quality, Chroma.BY_QUALITY)

    assert not opencv.agrees(swiftly, other)


def test_large_images_alpha_and_animations_are_left_to_libvips() -> None:
    large = Pixels.from_samples(np.zeros((1, 2001, 2000, 3), np.uint8))
    assert opencv.jpeg(large, 80, Chroma.BY_QUALITY) is None
    assert opencv.webp(large, 80) is None
    assert opencv.webp(translucent(), 80) is None
    assert opencv.webp(moving(), 80) is None
    assert opencv.decoded(b"", moving(), 3) is None
    assert opencv.decoded(b"", translucent(), 3) is None


TOO_LARGE = """
import sys
from autoquality_core.formats import encoder_for, opencv
from autoquality_core.types import Chroma, Format
from tests.formats.sources import decoded_luma, photograph
for fmt in (Format.JPEG, Format.WEBP):
    data = encoder_for(fmt).encode(photograph(), 80)
    assert opencv.decoded(data, photograph(), 3) is None
    print(decoded_luma(encoder_for(fmt), data, photograph()).shape)
"""


def test_what_is_too_large_for_opencv_is_left_to_libvips() -> None:
    limit = {"OPENCV_IO_MAX_IMAGE_PIXELS": "1000"}
    done = subprocess.run(
        [sys.executable, "-c", TOO_LARGE],
        capture_output=True,
        text=True,
        env={**os.environ, **limit},
    )
    assert done.stdout == 2 * "(1, 1, 64, 96)\n", done.stderr


def test_an_opencv_without_the_encoder_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> object:
        raise cv2.error("no encoder")

    monkeypatch.setattr(cv2, "imencode", refuse)
    assert opencv.jpeg(photograph(), 80, Chroma.BY_QUALITY) is None
    assert opencv.webp(photograph(), 80) is None
