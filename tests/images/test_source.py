"""Opening files: format, size and limits, by the header only."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import pyvips

from autoquality_core.errors import InvalidImage
from autoquality_core.images import ImageLimits, open_image, source_formats
from autoquality_core.images.loaders import heif_without_picture
from tests.commands import python
from tests.images.files import AMPLE, SAVERS, animated, corners, image_of, png_header
from tests.photos import photo


def refusal(data: bytes, limits: ImageLimits = AMPLE) -> tuple[str, str]:
    """The reason and the sentence with which a file is refused."""
    with pytest.raises(InvalidImage) as caught:
        open_image(data, limits, field="reference")
    assert caught.value.field == "reference"
    return caught.value.reason, caught.value.description


@pytest.mark.parametrize("fmt", SAVERS)
def test_each_format_is_recognised_by_its_content(fmt: str) -> None:
    source = open_image(SAVERS[fmt](image_of(corners())), AMPLE)
    assert (source.format, source.width, source.height) == (fmt, 48, 32)
    assert (source.frames, source.pages) == (1, 1)


def test_the_bundled_libvips_reads_these_formats() -> None:
    """HEIF with HEVC inside is left out: pyvips-binary has no decoder for it."""
    assert set(SAVERS) <= set(source_formats()) <= {*SAVERS, "heif"}


def test_heif_is_refused_without_a_decoder_for_hevc() -> None:
    data = heif_without_picture(b"hvc1", b"hvcC")
    if "heif" in source_formats():
        assert open_image(data, AMPLE).format == "heif"
    else:
        assert refusal(data)[0] == "IMAGE_UNSUPPORTED"


FIRST_FILES_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from autoquality_core.images import ImageLimits, open_image, source_formats
from tests.images.files import SAVERS, corners, image_of

broken = [bytes(save(image_of(corners())))[:200] for save in SAVERS.values()] * 20

def refused(data):
    try:
        open_image(data, ImageLimits(2**20, 2**20)).decode(all_frames=False)
    except Exception:
        return True

with ThreadPoolExecutor(16) as pool:
    assert any(pool.map(refused, broken))
print(*source_formats())
"""


def test_broken_files_in_other_threads_do_not_change_what_can_be_read() -> None:
    """Libvips shares its errors among threads, and a missing decoder shows by its error."""
    assert tuple(python(FIRST_FILES_AT_ONCE).stdout.split()) == source_formats()


@pytest.mark.parametrize("fmt", ["gif", "webp"])
def test_the_frames_of_an_animation_are_counted(fmt: str) -> None:
    frames = [np.full((20, 30, 3), 40 * number, np.uint8) for number in range(4)]
    source = open_image(animated(frames, [50] * 4, fmt), AMPLE)
    assert (source.width, source.height, source.frames, source.pages) == (30, 20, 4, 4)
    assert (source.pixels(all_frames=False), source.pixels(all_frames=True)) == (600, 2400)


def test_the_pages_of_a_tiff_are_not_an_animation() -> None:
    image = image_of(np.concatenate([corners(), corners()]))
    image.set_type(pyvips.GValue.gint_type, "page-height", 32)
    source = open_image(image.tiffsave_buffer(), AMPLE)
    assert (source.height, source.frames, source.pages) == (32, 1, 2)
    assert source.decode(all_frames=True).samples.shape == (1, 32, 48, 3)


@pytest.mark.parametrize(("bands", "has_alpha"), [(1, False), (2, True), (3, False), (4, True)])
def test_alpha_is_known_from_the_header(bands: int, has_alpha: bool) -> None:
    image = image_of(np.full((8, 8, bands), 100, np.uint8))
    assert open_image(image.pngsave_buffer(), AMPLE).has_alpha is has_alpha


def test_cmyk_has_four_bands_and_no_alpha() -> None:
    cmyk = image_of(corners()).colourspace("cmyk")
    assert not open_image(cmyk.jpegsave_buffer(), AMPLE).has_alpha


def test_an_empty_file_is_refused() -> None:
    assert refusal(b"") == ("IMAGE_UNREADABLE", "must not be empty")


@pytest.mark.parametrize(
    "data",
    [
        b"hello, world",
        bytes(1000),
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"%PDF-1.7\n",
        b"1,2,3\n4,5,6\n",
        b"P5 2 2 255\n\0\0\0\0",
        b"\x08\xf2\xa6\xb6" + bytes(100),  # libvips' own format
        b"\0\0\0\x18ftypisom\0\0\0\0isommp42",  # a film
        bytes(image_of(corners()).rawsave_buffer()),
    ],
    ids=["text", "zeros", "svg", "pdf", "csv", "pgm", "vips", "mp4", "raw"],
)
def test_other_formats_are_refused(data: bytes) -> None:
    reason, message = refusal(data)
    assert reason == "IMAGE_UNSUPPORTED"
    assert message == f"not an image of a supported format ({', '.join(source_formats())})"


@pytest.mark.parametrize(
    "save", ["jpegsave_buffer", "pngsave_buffer", "webpsave_buffer", "gifsave_buffer"]
)
@pytest.mark.parametrize("start", [b"", b"data:image/any;base64,"])
def test_an_image_in_base64_is_called_that(save: str, start: bytes) -> None:
    file = getattr(image_of(corners()), save)()
    found = refusal(start + base64.b64encode(file))
    assert found == ("IMAGE_UNSUPPORTED", "is text in base64; must be the bytes of the file")


@pytest.mark.parametrize(
    "start", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\xff\0\0\0WEBP", b"II*\0"]
)
def test_a_signature_followed_by_garbage_is_unreadable(start: bytes) -> None:
    garbage = np.random.default_rng(1).integers(0, 256, 400, np.uint8).tobytes()
    reason, message = refusal(start + garbage)
    assert reason == "IMAGE_UNREADABLE"
    assert "damaged" in message


def test_too_many_bytes_are_refused_with_the_numbers() -> None:
    data = photo("coffee.png")
    reason, message = refusal(data, ImageLimits(max_bytes=1000, max_pixels=10**9))
    assert reason == "IMAGE_TOO_LARGE"
    assert message == f"has {len(data)} bytes; at most 1000 are accepted"


def test_a_pixel_bomb_is_refused_by_its_header() -> None:
    """The file has no pixels at all: had it been decoded, it would be unreadable."""
    reason, message = refusal(png_header(60000, 50000))
    assert reason == "IMAGE_TOO_LARGE"
    assert message == "60000x50000 is 3000000000 pixels; at most 50000000 are accepted"


@pytest.mark.parametrize("fmt", ["gif", "webp"])
def test_every_frame_counts_as_pixels(fmt: str) -> None:
    frames = [np.full((20, 30, 3), 40 * number, np.uint8) for number in range(4)]
    data = animated(frames, [50] * 4, fmt)
    reason, message = refusal(data, ImageLimits(max_bytes=10**6, max_pixels=2399))
    assert reason == "IMAGE_TOO_LARGE"
    assert message == "30x20 with 4 frames is 2400 pixels; at most 2399 are accepted"
    assert open_image(data, ImageLimits(max_bytes=10**6, max_pixels=2400)).frames == 4


def test_too_many_small_frames_are_refused() -> None:
    frames = [np.full((1, 1, 3), 40 * number, np.uint8) for number in range(4)]
    limits = ImageLimits(max_bytes=10**6, max_pixels=10**6, max_frames=3)
    reason, message = refusal(animated(frames, [50] * 4, "gif"), limits)
    assert reason == "IMAGE_TOO_LARGE"
    assert message == "has 4 frames; at most 3 are accepted"
