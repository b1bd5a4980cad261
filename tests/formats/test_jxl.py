"""JPEG XL: distances, options, animations, metadata, and JPEGs whose coefficients are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import pyvips
from imagecodecs._jpegxl import jpegxl_decode, jpegxl_encode

from autoquality_core.formats import (
    JxlEncoder,
    JxlOptions,
    JxlTranscoder,
    encoder_for,
    with_metadata,
)
from autoquality_core.formats.jxl import distance
from autoquality_core.images import Metadata, Pixels, luma, open_image
from autoquality_core.images.jxl.container import read_container
from autoquality_core.images.jxl.frames import read_frames
from autoquality_core.images.jxl.header import read_header
from autoquality_core.types import Format
from tests.formats.sources import decoded_luma, grey, moving, photograph, translucent
from tests.images.files import AMPLE, image_of
from tests.images.metadata_files import ARTIST, exif_block, packet, text
from tests.photos import crop

CODEC = JxlEncoder()
EXACT = JxlEncoder(JxlOptions(lossless=True))


def decode(data: bytes) -> Pixels:
    return open_image(data, AMPLE).decode(all_frames=True)


@pytest.mark.parametrize("quality", [1, 5, 29, 30, 77, 99])
def test_a_quality_has_the_distance_that_libjxl_gives_it(quality: int) -> None:
    pixels = photograph()
    theirs = jpegxl_encode(pixels.samples[0], quality, effort=5, numthreads=1)
    assert CODEC.encode(pixels, quality) == theirs


def test_the_distance_falls_with_the_quality_and_never_to_nothing() -> None:
    distances = [distance(quality) for quality in range(1, 101)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == pytest.approx(0.1)
    assert distances[0] < 25, "the largest of libjxl"
    assert not np.array_equal(decode(CODEC.encode(photograph(), 100)).samples, photograph().samples)


def test_the_curves_have_breaks_where_libjxl_codes_otherwise() -> None:
    whole, fine = CODEC.breaks
    assert distance(whole - 1) >= 20 > distance(whole)
    assert distance(fine - 1) >= 0.5 > distance(fine)


@pytest.mark.parametrize("pixels", [photograph(), grey(), translucent(), translucent(2), moving()])
def test_lossless_loses_nothing_and_knows_no_quality(pixels: Pixels) -> None:
    data = EXACT.encode(pixels, 0)
    assert np.array_equal(decode(data).samples, pixels.samples)
    assert EXACT.encode(pixels, 100) == data
    assert (CODEC.takes_quality, EXACT.takes_quality) == (True, False)


@pytest.mark.parametrize("effort", [1, 3, 7])
def test_effort_reaches_the_encoder(effort: int) -> None:
    data = JxlEncoder(JxlOptions(effort=effort)).encode(photograph(), 77)
    assert data != CODEC.encode(photograph(), 77)


@pytest.mark.parametrize("pixels", [translucent(), translucent(2)])
def test_alpha_is_exact_from_quality_5_on(pixels: Pixels) -> None:
    """Below it, libjxl halves the resolution of everything."""
    for quality, exact in ((4, False), (5, True), (50, True)):
        found = decode(CODEC.encode(pixels, quality)).samples
        assert np.array_equal(found[..., -1], pixels.samples[..., -1]) is exact


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("sides", [(1, 1), (2, 3), (3, 2), (4, 4), (1, 9)])
def test_no_side_is_taken_for_bands_or_frames(bands: int, sides: tuple[int, int]) -> None:
    """Imagecodecs tells them apart by their number."""
    width, height = sides
    noise = np.random.default_rng(0).integers(0, 255, (3, height, width, bands), np.uint8)
    for frames in (1, 2, 3):
        pixels = Pixels(noise[:frames], (40,) * frames if frames > 1 else ())
        data = EXACT.encode(pixels, 0)
        source = open_image(data, AMPLE)
        assert (source.width, source.height, source.frames) == (width, height, frames)
        assert np.array_equal(source.decode(all_frames=True).samples, pixels.samples)
        assert np.array_equal(EXACT.decode(data, pixels).samples, pixels.samples)


def test_an_animation_keeps_durations_and_loops() -> None:
    delays = (20, 45, 1, 255, 256, 70_000, 10, 11)
    pixels = replace(moving(delays), plays=7)
    data = CODEC.encode(pixels, 60)
    found = decode(data)
    # As in a WebP: viewers show a frame of 10 ms or less for 100 ms.
    assert found.delays == (20, 45, 100, 255, 256, 70_000, 100, 11)
    assert found.plays == 7
    assert CODEC.frames(data, pixels) == 8
    assert np.array_equal(jpegxl_decode(data), found.samples)
    assert np.array_equal(luma(found), decoded_luma(CODEC, data, pixels))


@pytest.mark.parametrize("encoder", [EXACT, JxlEncoder(JxlOptions(effort=7))])
def test_an_animation_of_letters_keeps_durations(encoder: JxlEncoder) -> None:
    """Repeated shapes are in frames of their own, which are not shown."""
    letter = np.kron([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0]], np.ones((2, 2)))
    light = 1 - np.pad(np.tile(np.pad(letter, 3), (4, 8)), 8)
    page = np.repeat(255 * light[..., np.newaxis], 3, axis=2).astype(np.uint8)
    pixels = Pixels(np.stack([page, page[::-1], page[:, ::-1]]), (20, 300, 40))
    data = encoder.encode(pixels, 90)
    found = decode(data)
    assert found.delays == pixels.delays
    assert np.abs(found.samples.astype(int) - pixels.samples).mean() < 3
    header = read_header(memoryview(data))
    assert len(list(read_frames(memoryview(data), header, 99))) > 3


@pytest.mark.parametrize("pixels", [photograph(), translucent(2), moving()])
def test_metadata_lies_in_boxes_and_changes_nothing_else(pixels: Pixels) -> None:
    exif = exif_block({ARTIST: text("Ada Lovelace")})
    metadata = Metadata(exif=exif, xmp=packet("<dc:title>odd</dc:title>"))
    bare = CODEC.encode(pixels, 70)
    data = with_metadata(Format.JXL, bare, metadata)
    assert bytes(read_container(data).codestream) == bare
    assert np.array_equal(jpegxl_decode(data), jpegxl_decode(bare))
    assert open_image(data, AMPLE).metadata(everything=True, copyright_too=False) == metadata
    assert with_metadata(Format.JXL, bare, Metadata()) == bare
    only = with_metadata(Format.JXL, bare, Metadata(xmp=metadata.xmp))
    assert len(only) == len(bare) + len(metadata.xmp) + 12 + 20 + 8 + 8


def jpeg(**options: object) -> bytes:
    image = pyvips.Image.new_from_buffer(crop("coffee.png", 90, 61), "")
    if "orientation" in options:
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", options.pop("orientation"))
    return bytes(image.jpegsave_buffer(**{"Q": 80, "keep": pyvips.ForeignKeep.EXIF, **options}))


@pytest.mark.parametrize("options", [{}, {"subsample_mode": "off"}, {"interlace": True}])
def test_the_coefficients_of_a_jpeg_take_less_than_the_jpeg(options: dict[str, object]) -> None:
    source = jpeg(**options)
    transcoder = JxlTranscoder.of(source, JxlOptions(lossless=True), keep_profile=False)
    assert transcoder is not None
    assert not transcoder.takes_quality
    data = transcoder.encode(photograph(90, 61), 0)
    assert len(data) < len(source)
    found, expected = decode(data).samples, decode(source).samples
    assert np.abs(found.astype(int) - expected).mean() < 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_transcoded_jpeg_is_upright(orientation: int) -> None:
    source = jpeg(orientation=orientation)
    transcoder = JxlTranscoder.of(source, JxlOptions(lossless=True), keep_profile=False)
    assert transcoder is not None
    pixels = decode(source)
    data = transcoder.encode(pixels, 0)
    assert np.abs(decode(data).samples.astype(int) - pixels.samples).mean() < 1
    measured = transcoder.decode(data, pixels).samples
    # libjxl dithers in the order of the pixels that it writes.
    assert np.abs(measured.astype(int) - decode(data).samples).max() <= 1


@pytest.mark.parametrize("keep", [False, True])
def test_a_transcoded_jpeg_has_a_profile_only_if_it_is_kept(keep: bool) -> None:
    profile = pyvips.Image.profile_load("srgb")
    image = image_of(photograph().samples[0])
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    source = image.jpegsave_buffer(keep=pyvips.ForeignKeep.ICC)
    transcoder = JxlTranscoder.of(source, JxlOptions(lossless=True), keep_profile=keep)
    assert transcoder is not None
    header = read_header(memoryview(transcoder.file))
    assert header.profile == (profile if keep else None)
    assert header.described is None


def test_cmyk_is_not_transcoded() -> None:
    cmyk = image_of(photograph().samples[0]).colourspace("cmyk").jpegsave_buffer()
    assert JxlTranscoder.of(cmyk, JxlOptions(lossless=True), keep_profile=False) is None


def test_the_encoder_of_the_format_is_this_one() -> None:
    assert encoder_for(Format.JXL) == CODEC
    assert not JxlEncoder.keeps_profile
