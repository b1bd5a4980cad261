"""Decoding files of every kind to upright 8-bit sRGB or grey."""

from __future__ import annotations

import ctypes
import gc
import io
import struct
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

from autoquality_core.errors import InvalidImage
from autoquality_core.images import Pixels, open_image
from autoquality_core.images.colour.cicp import BT709, Colours, Transfer
from autoquality_core.images.colour.icc import profile_of
from autoquality_core.types import ColorProfile
from tests.images.files import (
    AMPLE,
    SAVERS,
    animated,
    corners,
    grey_profile,
    image_of,
    with_profile,
)
from tests.photos import photo

LINEAR = profile_of(Colours(BT709, Transfer.GAMMA, 1.0), 3)
RED, GREEN, BLUE, WHITE = (200, 0, 0), (0, 200, 0), (0, 0, 200), (255, 255, 255)


def decode(data: bytes, **options: Any) -> Pixels:
    return open_image(data, AMPLE).decode(**{"all_frames": False, **options})


def pixel(data: bytes) -> tuple[int, ...]:
    """The pixel in the middle of a file."""
    samples = decode(data).samples[0]
    return tuple(samples[samples.shape[0] // 2, samples.shape[1] // 2].tolist())


@pytest.mark.parametrize(
    ("fmt", "tolerance"), [(fmt, 0 if fmt in "png webp tiff gif jxl" else 6) for fmt in SAVERS]
)
def test_each_format_keeps_its_colours(fmt: str, tolerance: int) -> None:
    samples = np.full((16, 24, 3), (200, 120, 40), np.uint8)
    decoded = decode(SAVERS[fmt](image_of(samples))).samples
    assert decoded.shape == (1, 16, 24, 3)
    assert np.abs(decoded[0].astype(int) - samples).max() <= tolerance


def test_a_photograph_is_decoded_sample_for_sample() -> None:
    data = photo("coffee.png")
    assert np.array_equal(decode(data).samples[0], pyvips.Image.pngload_buffer(data).numpy())


@pytest.mark.parametrize("fmt", ["jpeg", "png", "webp", "tiff", "jxl"])
@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, [[RED, GREEN], [BLUE, WHITE]]),
        (2, [[GREEN, RED], [WHITE, BLUE]]),
        (3, [[WHITE, BLUE], [GREEN, RED]]),
        (4, [[BLUE, WHITE], [RED, GREEN]]),
        (5, [[RED, BLUE], [GREEN, WHITE]]),
        (6, [[BLUE, RED], [WHITE, GREEN]]),
        (7, [[WHITE, GREEN], [BLUE, RED]]),
        (8, [[GREEN, WHITE], [RED, BLUE]]),
        (9, [[RED, GREEN], [BLUE, WHITE]]),  # there is no such orientation
    ],
)
def test_exif_orientation_is_applied(
    fmt: str, orientation: int, turned: list[list[tuple[int, int, int]]]
) -> None:
    image = image_of(corners(48, 32))
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    source = open_image(SAVERS[fmt](image), AMPLE)
    pixels = source.decode(all_frames=False)
    width, height = (32, 48) if orientation in (5, 6, 7, 8) else (48, 32)
    assert (source.width, source.height) == (pixels.width, pixels.height) == (width, height)
    centres = pixels.samples[0, height // 4 :: height // 2, width // 4 :: width // 2]
    assert np.abs(centres.astype(int) - np.array(turned)).max() <= 6


@pytest.mark.parametrize("bands", [1, 2, 4])
def test_orientation_turns_images_of_any_bands(bands: int) -> None:
    samples = np.arange(6 * 4 * bands, dtype=np.uint8).reshape(6, 4, bands)
    image = image_of(samples)
    image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    assert np.array_equal(decode(image.pngsave_buffer()).samples[0], np.rot90(samples, -1))


def test_every_frame_of_an_animation_is_turned() -> None:
    frames = [np.roll(corners(), 8 * number, axis=1) for number in range(3)]
    image = image_of(np.concatenate(frames))
    image.set_type(pyvips.GValue.gint_type, "page-height", 32)
    image.set_type(pyvips.GValue.gint_type, "orientation", 8)
    pixels = decode(image.webpsave_buffer(lossless=True), all_frames=True)
    assert np.array_equal(pixels.samples, np.stack([np.rot90(frame) for frame in frames]))


@pytest.mark.parametrize("fmt", ["jpeg", "tiff"])
def test_cmyk_becomes_srgb_by_its_profile(fmt: str) -> None:
    """A JPEG holds inverted CMYK, as Adobe writes it."""
    samples = np.full((16, 16, 3), (180, 60, 70), np.uint8)
    cmyk = image_of(samples).icc_transform("cmyk")
    found = pixel(cmyk.jpegsave_buffer() if fmt == "jpeg" else cmyk.tiffsave_buffer())
    assert len(found) == 3
    assert np.abs(np.array(found) - (180, 60, 70)).max() <= 6


@pytest.mark.parametrize("fmt", ["jpeg", "tiff", "deep tiff"])
@pytest.mark.parametrize("profile", ["none", "p3"])
def test_cmyk_without_a_usable_profile_is_shown_as_in_browsers(fmt: str, profile: str) -> None:
    """Each ink absorbs its share of one colour, and black that of all."""
    samples = np.full((16, 16, 4), (51, 204, 102, 85), np.uint8)
    deep = fmt.startswith("deep")
    cmyk = image_of(samples.astype(np.uint16) * 257 if deep else samples, "cmyk")
    if profile != "none":
        content = pyvips.Image.profile_load(profile)
        cmyk.set_type(pyvips.GValue.blob_type, "icc-profile-data", content)
    save = cmyk.jpegsave_buffer if fmt == "jpeg" else cmyk.tiffsave_buffer
    # 255 * (1 - ink) * (1 - black), for inks of 20 %, 80 % and 40 %, and a third of black.
    assert np.abs(np.array(pixel(save())) - (136, 34, 102)).max() <= (2 if fmt == "jpeg" else 0)


@pytest.mark.parametrize("fmt", ["png", "tiff", "jxl"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_sixteen_bits_become_eight(fmt: str, bands: int) -> None:
    samples = np.full((4, 4, bands), (50, 100, 150, 200)[:bands], np.uint16) * 257
    data = SAVERS[fmt](image_of(samples, "grey16" if bands < 3 else "rgb16"))
    decoded = decode(data).samples
    assert decoded.shape == (1, 4, 4, bands)
    assert np.abs(decoded[0, 0, 0].astype(int) - (50, 100, 150, 200)[:bands]).max() <= 1


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_becomes_eight_bits(bits: int) -> None:
    samples = np.full((16, 16, 3), (50, 100, 150), np.uint16) * 257
    data = image_of(samples, "rgb16").heifsave_buffer(
        compression="av1", bitdepth=bits, Q=95, subsample_mode="off"
    )
    assert np.abs(np.array(pixel(data)) - (50, 100, 150)).max() <= 2


def test_a_palette_and_single_bits_are_expanded() -> None:
    samples = corners()
    palette = image_of(samples).pngsave_buffer(palette=True)
    assert np.array_equal(decode(palette).samples[0], samples)
    board = (np.indices((9, 9)).sum(0) % 2 * 255).astype(np.uint8)[..., np.newaxis]
    for data in (
        image_of(board).pngsave_buffer(bitdepth=1),
        image_of(board).tiffsave_buffer(bitdepth=1),
    ):
        assert np.array_equal(decode(data).samples[0], board)


def test_float_rgb_is_linear_light() -> None:
    samples = np.full((4, 4, 3), 0.5, np.float32)
    assert pixel(image_of(samples, "scrgb").tiffsave_buffer()) == (188, 188, 188)


@pytest.mark.parametrize(("value", "level"), [(0.5, 188), (77.4, 77), (300.0, 255)])
def test_float_grey_is_linear_up_to_one_and_a_level_beyond(value: float, level: int) -> None:
    samples = np.full((4, 4, 1), value, np.float32)
    assert pixel(image_of(samples).tiffsave_buffer()) == (level,)


def test_grey_of_32_bits_is_scaled_to_eight() -> None:
    samples = np.full((4, 4, 1), 100 * (2**32 - 1) // 255, np.uint32)
    assert pixel(image_of(samples).tiffsave_buffer()) == (100,)


def test_cielab_becomes_srgb() -> None:
    samples = np.full((4, 4, 3), (200, 120, 40), np.uint8)
    found = pixel(image_of(samples).colourspace("lab").tiffsave_buffer())
    assert np.abs(np.array(found) - (200, 120, 40)).max() <= 1


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    samples = np.full((4, 4, 3), (120, 100, 90), np.uint8)
    display_p3 = pyvips.Image.profile_load("p3")
    expected = image_of(samples).icc_transform("srgb", input_profile="p3")(0, 0)
    assert tuple(map(int, expected)) != (120, 100, 90)
    assert pixel(with_profile(image_of(samples), display_p3)) == tuple(map(int, expected))


def test_an_srgb_profile_changes_nothing() -> None:
    samples = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    data = with_profile(image_of(samples), pyvips.Image.profile_load("srgb"))
    assert np.array_equal(decode(data).samples[0], samples)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("sixteen", [False, True])
def test_a_grey_profile_is_applied_and_grey_stays_grey(alpha: bool, sixteen: bool) -> None:
    samples = np.full((4, 4, 2 if alpha else 1), 100, np.uint8)
    image = image_of(samples.astype(np.uint16) * 257, "grey16") if sixteen else image_of(samples)
    found = pixel(with_profile(image, grey_profile(1.0)))
    assert len(found) == samples.shape[-1]
    # Linear light of 100 / 255, through the sRGB curve: 255 (1.055 x^(1/2.4) - 0.055).
    assert abs(found[0] - 168) <= 2
    assert found[1:] == ((100,) if alpha else ())


def grey_jpeg(profile: bytes, level: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), level).save(file, "JPEG", quality=95, icc_profile=profile)
    return file.getvalue()


def test_an_rgb_profile_is_applied_to_grey() -> None:
    """Editors leave it there when they make a photograph grey."""
    assert abs(pixel(grey_jpeg(LINEAR, 100))[0] - 168) <= 1
    kept = decode(grey_jpeg(LINEAR, 100), profile=ColorProfile.KEEP)
    assert kept.samples[0, 0, 0].tolist() == [100]
    assert kept.profile is not None and kept.profile[16:20] == b"GRAY"
    assert pixel(grey_jpeg(pyvips.Image.profile_load("cmyk"), 100)) == (100,)
    grey = image_of(np.full((8, 8, 1), 100, np.uint8))
    assert abs(pixel(with_profile(grey, LINEAR))[0] - 168) <= 1


@pytest.mark.parametrize(
    "profile",
    [
        b"no profile at all" * 20,
        pyvips.Image.profile_load("cmyk"),
        grey_profile(1.0)[:140],
        grey_profile(1.0).replace(b"curv", b"crvu"),
        pyvips.Image.profile_load("p3").replace(b"para", b"aarp", 1),
        struct.pack(">I", len(LINEAR) + 4) + LINEAR[4:],
    ],
    ids=[
        *("garbage", "of another colour space", "truncated", "broken grey", "broken RGB"),
        "without its last bytes",
    ],
)
@pytest.mark.parametrize("bands", [1, 3])
def test_a_profile_that_cannot_be_used_is_ignored(profile: bytes, bands: int) -> None:
    samples = np.full((4, 4, bands), 100, np.uint8)
    assert pixel(with_profile(image_of(samples), profile)) == (100,) * bands


def test_alpha_is_kept_unless_it_is_fully_opaque() -> None:
    for colours in (1, 3):
        samples = np.full((4, 4, colours + 1), 255, np.uint8)
        samples[..., 0] = 100
        opaque = decode(image_of(samples).pngsave_buffer())
        assert np.array_equal(opaque.samples[0], samples[..., :colours])
        samples[3, 3, -1] = 254
        assert np.array_equal(decode(image_of(samples).pngsave_buffer()).samples[0], samples)


def test_premultiplied_alpha_is_undone() -> None:
    samples = np.full((4, 4, 4), (200, 100, 50, 128), np.uint8)
    data = image_of(samples).tiffsave_buffer(premultiply=True)
    assert np.abs(np.array(pixel(data)) - (200, 100, 50, 128)).max() <= 2


def test_additional_bands_are_dropped() -> None:
    samples = np.full((4, 4, 6), (10, 20, 30, 40, 50, 60), np.uint8)
    assert pixel(image_of(samples).tiffsave_buffer()) == (10, 20, 30, 40)


@pytest.mark.parametrize("fmt", ["jpeg", "png", "tiff", "jxl"])
def test_grey_stays_one_band(fmt: str) -> None:
    samples = np.full((16, 16, 1), 90, np.uint8)
    assert pixel(SAVERS[fmt](image_of(samples))) == (90,)


@pytest.mark.parametrize("fmt", ["gif", "webp"])
def test_an_animation_keeps_frames_delays_and_loops(fmt: str) -> None:
    frames = [np.full((20, 30, 3), (60 * number, 90, 255), np.uint8) for number in range(4)]
    pixels = decode(animated(frames, [50, 70, 90, 110], fmt), all_frames=True)
    assert np.array_equal(pixels.samples, np.stack(frames))
    assert pixels.delays == (50, 70, 90, 110)
    assert (pixels.frames, pixels.width, pixels.height) == (4, 30, 20)
    assert pixels.image.get_page_height() == 20
    assert pixels.image.get("delay") == [50, 70, 90, 110]
    assert pixels.image.get("loop") == 3


@pytest.mark.parametrize("fmt", ["gif", "webp"])
def test_the_first_frame_of_an_animation_can_be_decoded_alone(fmt: str) -> None:
    frames = [np.full((20, 30, 3), (60 * number, 90, 255), np.uint8) for number in range(4)]
    pixels = decode(animated(frames, [50, 70, 90, 110], fmt))
    assert np.array_equal(pixels.samples, frames[0][np.newaxis])
    assert pixels.delays == ()
    assert "page-height" not in pixels.image.get_fields()


@pytest.mark.parametrize("fmt", SAVERS)
def test_a_truncated_file_is_refused(fmt: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = bytes(SAVERS[fmt](image_of(noise)))
    with pytest.raises(InvalidImage) as caught:
        decode(data[: len(data) // 2])
    assert caught.value.reason == "IMAGE_UNREADABLE"
    assert caught.value.description == (
        f"cannot be decoded as {fmt.upper()}: damaged, truncated or of an unusual kind"
    )


@pytest.mark.parametrize(
    ("tag", "value", "message"),
    [
        (258, 12, "is a TIFF with 12 bits a sample, which cannot be read: use 8 or 16"),
        (
            *(259, 6),
            "is a TIFF with old-style JPEG compression, which cannot be read: use LZW or Deflate",
        ),
        (
            *(259, 50000),
            "is a TIFF with Zstandard compression, which cannot be read: use LZW or Deflate",
        ),
        (
            *(259, 9),
            "is a TIFF with unknown (9) compression, which cannot be read: use LZW or Deflate",
        ),
        (
            *(262, 6),
            "is a TIFF with YCbCr colours without JPEG compression, which cannot be read: use RGB",
        ),
        (262, 8, "is a TIFF with CIELAB colours of 8 bits, which cannot be read: use RGB"),
        (262, 9, "is a TIFF with CIELAB colours of 8 bits, which cannot be read: use RGB"),
        (284, 2, "is a TIFF with tiles in separate planes, which cannot be read: use one plane"),
    ],
)
def test_a_tiff_of_a_kind_that_cannot_be_read_is_not_called_damaged(
    tag: int, value: int, message: str
) -> None:
    """Each value replaces that of a grey TIFF, so the pixels do not matter."""
    grey = image_of(np.zeros((64, 64, 1), np.uint8))
    data = bytearray(grey.tiffsave_buffer(tile=tag == 284))
    entry = data.index(struct.pack("<HHI", tag, 3, 1))
    struct.pack_into("<H", data, entry + 8, value)
    if tag == 284:
        bands = data.index(struct.pack("<HHI", 277, 3, 1))
        struct.pack_into("<H", data, bands + 8, 3)
    with pytest.raises(InvalidImage) as caught:
        decode(bytes(data))
    assert (caught.value.reason, caught.value.description) == ("IMAGE_UNSUPPORTED", message)


def test_a_wrong_checksum_counts_as_damage() -> None:
    data = bytearray(image_of(corners()).pngsave_buffer())
    end = data.index(b"IEND") - 4
    data[end - 1] ^= 1  # the last byte of the pixels' checksum
    with pytest.raises(InvalidImage):
        decode(bytes(data))


def test_errors_that_viewers_ignore_are_accepted() -> None:
    """Bytes after the end, and bytes between the segments of a JPEG."""
    jpeg = bytes(image_of(corners()).jpegsave_buffer(keep=pyvips.ForeignKeep.NONE))
    header = jpeg.index(b"\xff\xc0")
    for odd in (jpeg + b"more", jpeg[:header] + b"\0\0\0" + jpeg[header:]):
        assert np.array_equal(decode(odd).samples, decode(jpeg).samples)


def test_the_libvips_image_and_the_samples_are_the_same_memory() -> None:
    opaque = np.full((4, 4, 4), 255, np.uint8)
    turned = image_of(corners())
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    for image in (image_of(corners()), image_of(opaque), turned):
        pixels = decode(image.pngsave_buffer())
        assert pixels.image.getpoint(0, 0)[0] != 7
        ctypes.c_uint8.from_address(pixels.samples.ctypes.data).value = 7
        assert pixels.image.getpoint(0, 0)[0] == pixels.samples[0, 0, 0, 0] == 7


def test_the_libvips_image_keeps_the_memory_alive() -> None:
    data = photo("coffee.png")
    image = decode(data).image
    gc.collect()
    assert image.avg() == pyvips.Image.pngload_buffer(data).avg()


def test_the_samples_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        decode(photo("coffee.png")).samples[0, 0, 0, 0] = 1
