"""imagecodecs writes the same files as libvips, and reads the same samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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
    plain,
    webp,
)
from autoquality_core.formats.avif import AvifEncoder, AvifOptions
from autoquality_core.formats.jpeg import JpegEncoder
from autoquality_core.formats.webp import WebpEncoder
from autoquality_core.images import Pixels, luma_planes, open_image
from autoquality_core.images.plain_files import jpeg_samples, webp_samples
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.runtime.codecs import jpeg8, libwebp
from autoquality_core.types import Chroma, Format
from tests.formats.sources import decoded_luma, grey, moving, photograph, translucent
from tests.images.files import AMPLE

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


def jpeg_by_quality(pixels: Pixels, quality: int) -> bytes | None:
    return plain.jpeg(pixels, quality, Chroma.BY_QUALITY)


@each_source
@pytest.mark.parametrize("chroma", [Chroma.BY_QUALITY, Chroma.SUBSAMPLED, Chroma.FULL])
def test_a_plain_jpeg_is_the_file_that_libvips_writes(source: str, chroma: Chroma) -> None:
    pixels, options = SOURCES[source], JpegOptions(chroma=chroma)
    encoder = encoder_for(Format.JPEG, EncoderOptions(jpeg=options))
    for quality in QUALITIES:
        swiftly = plain.jpeg(pixels, quality, chroma)
        assert swiftly == JpegEncoder(options).by_libvips(pixels, quality), quality
        assert swiftly == encoder.encode(pixels, quality), quality


@pytest.mark.parametrize("source", ["colour", "1x1", "odd sides", "a column"])
def test_a_plain_webp_is_the_file_that_libvips_writes(source: str) -> None:
    pixels = SOURCES[source]
    for quality in QUALITIES:
        swiftly = plain.webp(pixels, quality)
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
        read_by = jpeg_samples if fmt is Format.JPEG else webp_samples
        assert read_by(data, pixels.width, pixels.height, bands) is not None
        assert np.array_equal(decoded_luma(encoder_for(fmt), data, pixels), read(data, pixels))


@pytest.mark.parametrize("quality", [30, 63, 89, 95])
@pytest.mark.parametrize("speed", [7, 9])
def test_libavif_writes_an_avif_like_that_of_libheif(quality: int, speed: int) -> None:
    """So curves that were learned with either hold for both."""
    encoder, pixels = AvifEncoder(AvifOptions(speed=speed)), photograph(256, 256)
    ours, theirs = (write(pixels, quality) for write in (encoder.encode, encoder.by_libheif))
    assert ours != theirs
    assert len(ours) == pytest.approx(len(theirs), rel=0.12)
    scores = [
        SSIMULACRA2.compare(pixels, Pixels(encoder.decode(one, pixels).samples))
        for one in (ours, theirs)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1)


def test_libheif_writes_alpha_profiles_and_the_highest_quality() -> None:
    encoder = AvifEncoder()
    profiled = replace(photograph(), profile=pyvips.Image.profile_load("p3"))
    for pixels, quality in ((translucent(), 60), (profiled, 60), (photograph(), 100)):
        assert encoder.encode(pixels, quality) == encoder.by_libheif(pixels, quality)


def test_both_are_used_here() -> None:
    assert jpeg._turbo_agrees()
    assert webp._imagecodecs_agrees()


def test_another_encoder_inside_is_noticed() -> None:
    def other(pixels: Pixels, quality: int) -> bytes:
        return JpegEncoder().by_libvips(pixels, max(quality - 1, 1))

    assert not plain.agrees(jpeg_by_quality, other)


def test_large_images_alpha_and_animations_are_left_to_libvips() -> None:
    large = Pixels(np.zeros((1, 2001, 2000, 3), np.uint8))
    assert plain.jpeg(large, 80, Chroma.BY_QUALITY) is None
    assert plain.webp(large, 80) is None
    assert plain.webp(translucent(), 80) is None
    assert plain.webp(moving(), 80) is None


@pytest.mark.parametrize("quality", [1, 50, 100])
def test_alpha_is_what_libvips_reads(quality: int) -> None:
    pixels = translucent()
    data = encoder_for(Format.WEBP).encode(pixels, quality)
    found = webp_samples(data, pixels.width, pixels.height, 4)
    assert found is not None
    assert np.array_equal(found[0], pyvips.Image.webpload_buffer(data).numpy())


def test_an_axis_of_one_element_may_have_any_stride() -> None:
    grey = np.arange(200, dtype=np.uint8).reshape(40, 5)[np.newaxis, ..., np.newaxis]
    pixels = Pixels(grey)
    assert pixels.samples.strides[-1] == 0
    assert jpeg_by_quality(pixels, 80) == JpegEncoder().by_libvips(pixels, 80)


def test_an_encoder_without_memory_leaves_the_file_to_libvips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> bytes:
        raise RuntimeError("no memory")

    monkeypatch.setattr(jpeg8, "jpeg8_encode", refuse)
    monkeypatch.setattr(libwebp, "webp_encode", refuse)
    for write in (jpeg_by_quality, plain.webp):
        assert write(photograph(), 80) is None
    assert JpegEncoder().encode(photograph(), 80)
    assert WebpEncoder().encode(photograph(), 80)


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.AVIF])
def test_the_longest_side_of_a_format_is_written_and_read(fmt: Format) -> None:
    encoder = encoder_for(fmt)
    part = photograph(100, encoder.min_side).samples
    pixels = Pixels(np.resize(part, (1, encoder.max_side, encoder.min_side, 3)))
    data = encoder.encode(pixels, 60)
    assert encoder.decode(data, pixels).samples.shape == pixels.samples.shape
    opened = open_image(data, AMPLE)
    assert (opened.width, opened.height) == (pixels.width, pixels.height)
    assert opened.decode(all_frames=True).samples.shape == pixels.samples.shape
