"""Every codec: they keep the pixels, and are measured on the colours that a viewer sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips
from skimage.metrics import structural_similarity

from autoquality_core.formats import (
    BEST_MOZJPEG,
    ENCODERS,
    AvifEncoder,
    AvifOptions,
    EncoderOptions,
    JpegEncoder,
    JxlEncoder,
    JxlOptions,
    PngEncoder,
    PngOptions,
    WebpEncoder,
    WebpOptions,
    WebpPreset,
    encoder_for,
    library_versions,
    writable,
)
from autoquality_core.images import Pixels, configure, luma, open_image
from autoquality_core.types import Chroma, Format, Lossless
from tests.browser import all_shown
from tests.formats.sources import decoded_luma, grey, moving, photograph, translucent
from tests.images.files import AMPLE, SAVERS, corners, image_of

LOSSY = [Format.JPEG, Format.WEBP, Format.AVIF, Format.JXL]
WITH_ALPHA = [Format.WEBP, Format.AVIF, Format.PNG, Format.JXL]

each_format = pytest.mark.parametrize("fmt", Format)


def decode(data: bytes, *, all_frames: bool = False) -> Pixels:
    return open_image(data, AMPLE).decode(all_frames=all_frames)


def test_every_format_of_the_contract_can_be_written() -> None:
    assert writable() == tuple(ENCODERS) == tuple(Format)
    assert all(encoder_for(fmt).format is fmt for fmt in Format)


def test_what_is_measured_is_what_a_browser_shows(tmp_path: Path) -> None:
    """Odd sides, both resolutions of chroma, and every library that writes a file.

    Chromium rounds once more where there is alpha. Debian's misreads that of AVIF.
    """
    encoders = [
        JpegEncoder(),
        JpegEncoder(BEST_MOZJPEG),
        JpegEncoder(BEST_MOZJPEG.with_chroma(Chroma.FULL)),
        AvifEncoder(),
        AvifEncoder(AvifOptions(chroma=Chroma.FULL)),
        WebpEncoder(),
        WebpEncoder(WebpOptions(effort=0)),
        WebpEncoder(WebpOptions(lossless=Lossless.ALWAYS), near_lossless=20),
        JxlEncoder(),
        JxlEncoder(JxlOptions(lossless=True)),
        PngEncoder(PngOptions(quantize=True)),
    ]
    opaque = photograph(75, 53)
    alpha = np.linspace(0, 255, opaque.samples[..., :1].size, dtype=np.uint8)
    faded = np.concatenate([opaque.samples, alpha.reshape(1, 53, 75, 1)], axis=-1)
    in_grey = Pixels(opaque.samples[..., 1:2])
    images = [opaque, in_grey, Pixels(faded)]
    made = [
        (encoder, pixels, encoder.encode(pixels, quality))
        for encoder in encoders
        for pixels in images[: 2 + (encoder.keeps_alpha and encoder.format is not Format.AVIF)]
        for quality in (60, 100)
    ]
    files = [tmp_path / f"{at}.{one[0].format.value}" for at, one in enumerate(made)]
    for file, (_, _, data) in zip(files, made, strict=True):
        file.write_bytes(data)
    page = (0, 160, 80)
    seen = all_shown(files, 75, 53, page)
    for shown, (encoder, pixels, data) in zip(seen, made, strict=True):
        measured = replace(pixels, samples=encoder.decode(data, pixels).samples).flattened(page)
        most = 3 if pixels.has_alpha else 1
        assert np.abs(measured.samples[0].astype(int) - shown).max() <= most, encoder


@pytest.mark.parametrize("source", SAVERS)
@each_format
def test_each_source_format_can_become_each_target_format(source: str, fmt: Format) -> None:
    pixels = decode(bytes(SAVERS[source](image_of(corners()))))
    data = encoder_for(fmt).encode(pixels, 90)
    opened = open_image(data, AMPLE)
    assert opened.format == fmt.value
    decoded = opened.decode(all_frames=False)
    assert decoded.samples.shape == pixels.samples.shape
    middles = np.ix_([0], [8, 24], [12, 36])  # of the quarters
    difference = decoded.samples[middles].astype(int) - pixels.samples[middles]
    # JPEG XL takes such differences of saturated colours for invisible.
    assert np.abs(difference).max() <= (24 if fmt is Format.JXL else 12)


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
    codec = encoder_for(fmt)
    data = codec.encode(pixels, quality)
    found = decoded_luma(codec, data, pixels)
    assert found.shape == luma(pixels).shape
    assert np.array_equal(found, luma(decode(data)))


@pytest.mark.parametrize("bands", [2, 4])
@pytest.mark.parametrize("fmt", WITH_ALPHA)
def test_alpha_is_kept_and_measured_over_black_and_white(fmt: Format, bands: int) -> None:
    pixels = translucent(bands)
    data = encoder_for(fmt).encode(pixels, 80)
    alpha = decode(data).samples[..., -1]
    assert np.abs(alpha.astype(int) - pixels.samples[..., -1]).max() <= 8
    found, sought = decoded_luma(encoder_for(fmt), data, pixels), luma(pixels)
    assert found.shape == sought.shape == (2, 1, 64, 96)
    assert np.abs(found.astype(int) - sought).mean() <= 4
    assert not np.array_equal(found[0], found[1])


@pytest.mark.parametrize("fmt", WITH_ALPHA)
def test_a_faint_alpha_still_has_two_surfaces(fmt: Format) -> None:
    """Should an encoder round it away, the file looks the same over black and white."""
    samples = np.full((1, 32, 32, 4), 255, np.uint8)
    samples[0, 16, 16, 3] = 254
    pixels = Pixels(samples)
    data = encoder_for(fmt).encode(pixels, 10)
    assert decoded_luma(encoder_for(fmt), data, pixels).shape == (2, 1, 32, 32)


@pytest.mark.parametrize("fmt", LOSSY)
def test_a_higher_quality_looks_better_and_costs_more(fmt: Format) -> None:
    pixels = photograph(256, 256)
    seen = []
    for quality in (20, 50, 80, 95):
        data = encoder_for(fmt).encode(pixels, quality)
        similar = structural_similarity(
            decoded_luma(encoder_for(fmt), data, pixels)[0, 0], luma(pixels)[0, 0], data_range=255
        )
        seen.append((similar, len(data)))
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen)


@each_format
def test_the_same_pixels_give_the_same_bytes(fmt: Format) -> None:
    encoded = {encoder_for(fmt).encode(photograph(), 60) for _ in range(3)}
    assert len(encoded) == 1


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.PNG, Format.JXL])
def test_only_avif_depends_on_the_number_of_threads(fmt: Format) -> None:
    pixels = photograph(320, 320)
    one = encoder_for(fmt).encode(pixels, 60)
    try:
        configure(concurrency=2)
        assert encoder_for(fmt).encode(pixels, 60) == one
    finally:
        configure()


def test_avif_speed_and_chroma_reach_the_encoder() -> None:
    pixels = photograph()
    files = {
        AvifEncoder(avif).encode(pixels, 60)
        for avif in (AvifOptions(), AvifOptions(speed=5), AvifOptions(no_subsample=True))
    }
    assert len(files) == 3


def test_webp_options_reach_the_encoder() -> None:
    pixels = photograph()
    options = (
        WebpOptions(),
        WebpOptions(effort=0),
        WebpOptions(smart_subsample=True),
        WebpOptions(preset=WebpPreset.TEXT),
    )
    files = {WebpEncoder(webp).encode(pixels, 60) for webp in options}
    assert len(files) == len(options)


@pytest.mark.parametrize("preset", WebpPreset)
def test_every_webp_preset_is_known_to_the_encoder(preset: WebpPreset) -> None:
    options = EncoderOptions(webp=WebpOptions(preset=preset))
    assert decode(encoder_for(Format.WEBP, options).encode(photograph(), 60)).width == 96


@pytest.mark.parametrize(
    "pixels",
    [photograph(), grey(), translucent(), translucent(2)],
    ids=["colour", "grey", "alpha", "grey alpha"],
)
def test_png_loses_nothing_and_knows_no_quality(pixels: Pixels) -> None:
    codec = encoder_for(Format.PNG)
    data = codec.encode(pixels, 0)
    assert np.array_equal(decode(data).samples, pixels.samples)
    assert codec.encode(pixels, 100) == data


def test_png_compression_and_interlacing_change_bytes_and_not_pixels() -> None:
    pixels = photograph()
    plain = PngOptions(compression=0)
    files = [
        PngEncoder(png).encode(pixels, 0)
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
    data = encoder_for(Format.PNG, options).encode(pixels, 0)
    found = len(np.unique(decode(data).samples.reshape(-1, 3), axis=0))
    assert most // 2 < found <= most
    assert len(data) < len(encoder_for(Format.PNG).encode(pixels, 0))


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.AVIF, Format.PNG])
def test_only_webp_and_jpeg_xl_keep_animations(fmt: Format) -> None:
    assert ENCODERS[Format.WEBP].keeps_animation
    assert ENCODERS[Format.JXL].keeps_animation
    assert not ENCODERS[fmt].keeps_animation
    first = Pixels(moving().samples[:1])
    assert open_image(encoder_for(fmt).encode(first, 60), AMPLE).frames == 1


def test_the_versions_that_decide_the_bytes_are_reported() -> None:
    versions = library_versions()
    assert versions["libvips"].split(".") == [str(pyvips.version(part)) for part in range(3)]
    assert all(versions.values())


def test_the_versions_are_read_from_files_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may have no free file descriptor later."""
    versions = library_versions()
    monkeypatch.setattr("autoquality_core.formats.metadata", None)
    assert library_versions() == versions
