"""Every codec: what goes in comes out, and its luma is what a viewer sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import pyvips
from skimage.metrics import structural_similarity

from autoquality_core.formats import CODECS, library_versions
from autoquality_core.images import Pixels, configure, luma, open_image
from autoquality_core.types import (
    AvifOptions,
    EncoderOptions,
    Format,
    PngOptions,
    WebpOptions,
    WebpPreset,
)
from tests.codecs.sources import grey, moving, photograph, translucent
from tests.images.files import AMPLE, SAVERS, corners, image_of

DEFAULTS = EncoderOptions()
LOSSY = [Format.JPEG, Format.WEBP, Format.AVIF]
WITH_ALPHA = [Format.WEBP, Format.AVIF, Format.PNG]

each_format = pytest.mark.parametrize("fmt", Format)


def decode(data: bytes, *, all_frames: bool = False) -> Pixels:
    return open_image(data, AMPLE).decode(all_frames=all_frames)


def test_every_format_of_the_contract_can_be_written() -> None:
    assert list(CODECS) == list(Format)
    assert all(codec.format is fmt for fmt, codec in CODECS.items())


@pytest.mark.parametrize("source", SAVERS)
@each_format
def test_each_source_format_can_become_each_target_format(source: str, fmt: Format) -> None:
    pixels = decode(bytes(SAVERS[source](image_of(corners()))))
    data = CODECS[fmt].encode(pixels, 90, DEFAULTS)
    opened = open_image(data, AMPLE)
    assert opened.format == fmt.value
    decoded = opened.decode(all_frames=False)
    assert decoded.samples.shape == pixels.samples.shape
    middles = np.ix_([0], [8, 24], [12, 36])  # of the quarters
    difference = decoded.samples[middles].astype(int) - pixels.samples[middles]
    assert np.abs(difference).max() <= 12


@pytest.mark.parametrize("quality", [10, 60, 95])
@pytest.mark.parametrize(
    "pixels",
    [photograph(), grey(), photograph(1, 1), photograph(17, 31)],
    ids=["colour", "grey", "1x1", "odd sides"],
)
@each_format
def test_luma_is_that_of_the_colours_that_a_viewer_sees(
    fmt: Format, pixels: Pixels, quality: int
) -> None:
    codec = CODECS[fmt]
    data = codec.encode(pixels, quality, DEFAULTS)
    found = codec.decode_luma(data, pixels)
    assert found.shape == luma(pixels).shape
    assert np.array_equal(found, luma(decode(data)))


@pytest.mark.parametrize("bands", [2, 4])
@pytest.mark.parametrize("fmt", WITH_ALPHA)
def test_alpha_is_kept_and_measured_over_black_and_white(fmt: Format, bands: int) -> None:
    pixels = translucent(bands)
    data = CODECS[fmt].encode(pixels, 80, DEFAULTS)
    alpha = decode(data).samples[..., -1]
    assert np.abs(alpha.astype(int) - pixels.samples[..., -1]).max() <= 8
    found, sought = CODECS[fmt].decode_luma(data, pixels), luma(pixels)
    assert found.shape == sought.shape == (2, 1, 64, 96)
    assert np.abs(found.astype(int) - sought).mean() <= 4
    assert not np.array_equal(found[0], found[1])


@pytest.mark.parametrize("fmt", WITH_ALPHA)
def test_a_faint_alpha_still_has_two_surfaces(fmt: Format) -> None:
    """Should an encoder round it away, the file looks the same over black and white."""
    samples = np.full((1, 32, 32, 4), 255, np.uint8)
    samples[0, 16, 16, 3] = 254
    pixels = Pixels.from_samples(samples)
    data = CODECS[fmt].encode(pixels, 10, DEFAULTS)
    assert CODECS[fmt].decode_luma(data, pixels).shape == (2, 1, 32, 32)


@pytest.mark.parametrize("fmt", LOSSY)
def test_a_higher_quality_looks_better_and_costs_more(fmt: Format) -> None:
    pixels = photograph(256, 256)
    seen = []
    for quality in (20, 50, 80, 95):
        data = CODECS[fmt].encode(pixels, quality, DEFAULTS)
        similar = structural_similarity(
            CODECS[fmt].decode_luma(data, pixels)[0, 0], luma(pixels)[0, 0], data_range=255
        )
        seen.append((similar, len(data)))
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen)


@each_format
def test_the_same_pixels_give_the_same_bytes(fmt: Format) -> None:
    encoded = {CODECS[fmt].encode(photograph(), 60, DEFAULTS) for _ in range(3)}
    assert len(encoded) == 1


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.PNG])
def test_only_avif_depends_on_the_number_of_threads(fmt: Format) -> None:
    pixels = photograph(320, 320)
    one = CODECS[fmt].encode(pixels, 60, DEFAULTS)
    try:
        configure(concurrency=2)
        assert CODECS[fmt].encode(pixels, 60, DEFAULTS) == one
    finally:
        configure()


def test_avif_speed_and_chroma_reach_the_encoder() -> None:
    pixels, codec = photograph(), CODECS[Format.AVIF]
    files = {
        codec.encode(pixels, 60, EncoderOptions(avif=avif))
        for avif in (AvifOptions(), AvifOptions(speed=5), AvifOptions(no_subsample=True))
    }
    assert len(files) == 3


def test_avif_keeps_chroma_from_quality_90_on() -> None:
    pixels, codec = photograph(), CODECS[Format.AVIF]
    full = EncoderOptions(avif=AvifOptions(no_subsample=True))
    assert codec.encode(pixels, 89, DEFAULTS) != codec.encode(pixels, 89, full)
    assert codec.encode(pixels, 90, DEFAULTS) == codec.encode(pixels, 90, full)


def test_webp_options_reach_the_encoder() -> None:
    pixels, codec = photograph(), CODECS[Format.WEBP]
    options = (
        WebpOptions(),
        WebpOptions(effort=0),
        WebpOptions(smart_subsample=True),
        WebpOptions(preset=WebpPreset.TEXT),
    )
    files = {codec.encode(pixels, 60, EncoderOptions(webp=webp)) for webp in options}
    assert len(files) == len(options)


@pytest.mark.parametrize("preset", WebpPreset)
def test_every_webp_preset_is_known_to_the_encoder(preset: WebpPreset) -> None:
    options = EncoderOptions(webp=WebpOptions(preset=preset))
    assert decode(CODECS[Format.WEBP].encode(photograph(), 60, options)).width == 96


@pytest.mark.parametrize(
    "pixels",
    [photograph(), grey(), translucent(), translucent(2)],
    ids=["colour", "grey", "alpha", "grey alpha"],
)
def test_png_loses_nothing_and_knows_no_quality(pixels: Pixels) -> None:
    codec = CODECS[Format.PNG]
    data = codec.encode(pixels, 0, DEFAULTS)
    assert np.array_equal(decode(data).samples, pixels.samples)
    assert codec.encode(pixels, 100, DEFAULTS) == data


def test_png_compression_and_interlacing_change_bytes_and_not_pixels() -> None:
    pixels, codec = photograph(), CODECS[Format.PNG]
    plain = PngOptions(compression=0)
    files = [
        codec.encode(pixels, 0, EncoderOptions(png=png))
        for png in (plain, replace(plain, compression=9), replace(plain, interlaced=True))
    ]
    assert len(set(files)) == 3
    assert len(files[1]) < len(files[0])
    assert all(np.array_equal(decode(data).samples, pixels.samples) for data in files)


@pytest.mark.parametrize(("colours", "most"), [(2, 2), (3, 4), (16, 16), (100, 256), (256, 256)])
def test_png_palette_holds_as_many_colours_as_its_indices_can_count(
    colours: int, most: int
) -> None:
    options = EncoderOptions(png=PngOptions(quantize=True, quantization_colors=colours))
    pixels = photograph()
    data = CODECS[Format.PNG].encode(pixels, 0, options)
    found = len(np.unique(decode(data).samples.reshape(-1, 3), axis=0))
    assert most // 2 < found <= most
    assert len(data) < len(CODECS[Format.PNG].encode(pixels, 0, DEFAULTS))


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.AVIF, Format.PNG])
def test_only_webp_keeps_animations(fmt: Format) -> None:
    assert CODECS[Format.WEBP].keeps_animation
    assert not CODECS[fmt].keeps_animation
    first = Pixels.from_samples(moving().samples[:1])
    assert open_image(CODECS[fmt].encode(first, 60, DEFAULTS), AMPLE).frames == 1


def test_the_versions_that_decide_the_bytes_are_told() -> None:
    versions = library_versions()
    assert versions["libvips"].split(".") == [str(pyvips.version(part)) for part in range(3)]
    assert all(versions.values())
