"""Files that take far more work than they announce are refused before libvips opens them.

Each of these once held a core for seconds to minutes, or took most of a gigabyte.
"""

from __future__ import annotations

import mmap
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from autoquality_core.errors import InvalidImage
from autoquality_core.images import ImageLimits, open_image, structure
from autoquality_core.images.isobmff.meta import Meta
from tests.hostile import bombs
from tests.hostile.derived import empty_extents, grid, long_grid, overlay
from tests.hostile.files import everything
from tests.images.files import AMPLE, corners, image_of
from tests.photos import photo


def refusal(data: bytes, limits: ImageLimits = AMPLE) -> tuple[str, str]:
    """The reason and the message of the refusal."""
    with pytest.raises(InvalidImage) as caught:
        open_image(data, limits)
    return caught.value.reason, caught.value.description


def test_a_webp_of_a_million_frames_is_refused() -> None:
    """Libwebp searches for each from the first on: a million take an hour."""
    assert refusal(bombs.webp_frames(1_000_000)) == (
        "IMAGE_TOO_LARGE",
        "has 1000000 frames; at most 2000 are accepted",
    )


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_of_very_many_pages_is_refused(big: bool) -> None:
    assert refusal(bombs.tiff_pages(200_000, big=big)) == (
        "IMAGE_TOO_LARGE",
        "has 2001 pages or more; at most 2000 are accepted",
    )
    assert open_image(bombs.tiff_pages(2000, big=big), AMPLE).pages == 2000


def test_a_tiff_whose_pages_form_a_ring_counts_each_once() -> None:
    assert open_image(bombs.tiff_pages(3, ring=True), AMPLE).pages == 3


def test_a_chain_of_pages_may_lead_out_of_the_file() -> None:
    far = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**64 - 1)
    assert refusal(far)[0] == "IMAGE_UNREADABLE"


def test_a_tiff_of_thousands_of_samples_per_pixel_is_refused() -> None:
    """All are decoded: 28 kB with 500 for each of 9 megapixels took 28 seconds and 1.7 GB."""
    assert refusal(bombs.tiff_bands(3000, 500)) == (
        "IMAGE_TOO_LARGE",
        "3000x3000 with 500 bands is 4500000000 samples; at most 400000000 are accepted",
    )
    few = open_image(bombs.tiff_bands(100, 500), AMPLE).decode(all_frames=False)
    assert few.samples.shape == (1, 100, 100, 2)


def test_an_image_may_have_as_many_samples_as_the_limit_and_no_more() -> None:
    """Eight for each pixel of the limit."""
    limits = ImageLimits(max_bytes=10_000, max_pixels=16)
    assert open_image(bombs.tiff_bands(4, 8), limits).width == 4
    assert refusal(bombs.tiff_bands(4, 9), limits) == (
        "IMAGE_TOO_LARGE",
        "4x4 with 9 bands is 144 samples; at most 128 are accepted",
    )
    one = ImageLimits(max_bytes=10_000, max_pixels=1)
    assert open_image(bombs.tiff_bands(1, 8), one).width == 1
    assert refusal(bombs.tiff_bands(1, 9), one) == (
        "IMAGE_TOO_LARGE",
        "1x1 with 9 bands is 9 samples; at most 8 are accepted",
    )


def test_a_jpeg_of_hundreds_of_scans_is_refused() -> None:
    """Each goes over the whole image, in a few bytes: 900 over 49 megapixels take 13 seconds."""
    assert refusal(bombs.jpeg_scans(512, 101)) == (
        "IMAGE_TOO_LARGE",
        "has 101 scans; at most 100 are accepted",
    )
    most = open_image(bombs.jpeg_scans(512, 100), AMPLE).decode(all_frames=False)
    assert most.samples.shape == (1, 512, 512, 1)


def test_bytes_behind_a_jpeg_are_not_scans() -> None:
    """Cameras append videos and further pictures."""
    jpeg = bytes(image_of(corners()).jpegsave_buffer(interlace=True))
    source = open_image(jpeg + b"\xff\xda" * 500, AMPLE)
    assert source.decode(all_frames=False).samples.shape == (1, 32, 48, 3)


def test_a_png_of_many_compressed_texts_is_refused() -> None:
    assert refusal(bombs.png(bombs.deflated("zTXt", b"a note") * 101)) == (
        "IMAGE_TOO_LARGE",
        "has 101 compressed texts or more; at most 100 are accepted",
    )
    assert open_image(bombs.png(bombs.deflated("zTXt", b"a note") * 100), AMPLE).width == 16


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP"])
def test_the_decompressed_size_of_all_texts_of_a_png_is_limited(kind: str) -> None:
    """100 texts of 7 MB each in 700 kB took seconds; libpng decompresses each several times."""
    text = bombs.deflated(kind, bytes(4 * bombs.MIB))
    expected = "has 16777217 bytes or more of decompressed texts and profiles"
    for data in (bombs.png(text * 5), bombs.png()[:-12] + text * 5 + bombs.png()[-12:]):
        reason, message = refusal(data)
        assert (reason, message) == (
            "IMAGE_TOO_LARGE",
            f"{expected}; at most 16777216 are accepted",
        )
    assert open_image(bombs.png(text * 4), AMPLE).width == 16


def test_a_text_is_decompressed_only_up_to_the_limit() -> None:
    text = bombs.text(256)
    tracemalloc.start()
    try:
        assert refusal(bombs.png(text))[0] == "IMAGE_TOO_LARGE"
        assert tracemalloc.get_traced_memory()[1] < 40 * bombs.MIB
    finally:
        tracemalloc.stop()


def test_uncompressed_texts_and_damaged_ones_decompress_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(structure, "_MOST_DECOMPRESSED", 10)
    plain = bombs.chunk(b"iTXt", b"Comment\0\0\0\0\0" + b"text" * 10)
    damaged = bombs.chunk(b"zTXt", b"Comment\0\0no zlib stream")
    assert refusal(bombs.png(bombs.deflated("zTXt", b"a note.....")))[0] == "IMAGE_TOO_LARGE"
    assert open_image(bombs.png(plain * 200 + damaged * 100), AMPLE).width == 16


@pytest.mark.parametrize("kind", [b"gAMA", b"tIME", b"abCd"])
def test_a_png_of_very_many_chunks_is_refused(kind: bytes) -> None:
    """Two million duplicates of gAMA took 43 seconds for the header: each is a warning."""
    data = bombs.png(bombs.chunk(kind, b"abcd") * 20_000)
    assert refusal(data) == (
        "IMAGE_TOO_LARGE",
        "has 10001 chunks without pixels or more; at most 10000 are accepted",
    )


def test_a_png_may_have_its_pixels_in_many_chunks() -> None:
    packed = zlib.compress(bytes(16 * 49))
    pixels = b"".join(bombs.chunk(b"IDAT", packed[at : at + 1]) for at in range(len(packed)))
    empty = bombs.chunk(b"IDAT", b"") * 20_000
    data = bombs.png()
    start, end = data.index(b"IDAT") - 4, data.index(b"IEND") - 4
    found = open_image(data[:start] + empty + pixels + data[end:], AMPLE)
    assert found.decode(all_frames=False).samples.shape == (1, 16, 16, 3)
    assert refusal(data[:start] + empty * 51 + data[end:])[0] == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True), (">", True)])
def test_a_tiff_of_thousands_of_tags_is_refused(order: str, big: bool) -> None:
    """Libtiff takes quadratic time for unknown ones: 4,000 in ten pages took 6 seconds."""
    assert refusal(bombs.tiff_tags(257, order=order, big=big)) == (
        "IMAGE_TOO_LARGE",
        "has 257 tags in a page; at most 256 are accepted",
    )
    reason, message = refusal(bombs.tiff_tags(256, 257, order=order, big=big))
    assert (reason, message) == (
        "IMAGE_TOO_LARGE",
        "has 65792 tags or more; at most 65536 are accepted",
    )
    assert open_image(bombs.tiff_tags(256, 100, order=order, big=big), AMPLE).pages == 100


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True), (">", True)])
def test_a_value_that_pages_of_a_tiff_share_counts_for_each_page(order: str, big: bool) -> None:
    """Libtiff reads it for each: 20 MB in 50 pages took 4 seconds for the header."""
    limits = ImageLimits(max_bytes=1 << 20, max_pixels=1 << 20)
    data = bombs.tiff_tags(12, 20, bytes(60_000), order=order, big=big)
    reason, message = refusal(data, limits)
    assert reason == "IMAGE_TOO_LARGE"
    assert message.endswith("bytes of metadata with all pages; at most 1048576 are accepted")
    few = bombs.tiff_tags(12, 16, bytes(60_000), order=order, big=big)
    assert open_image(few, limits).pages == 16


def test_values_of_tags_beyond_the_end_of_a_tiff_do_not_count() -> None:
    """Libtiff ignores them."""
    data = bombs.tiff_tags(10, 1, bytes(100)).replace(
        struct.pack("<HHI", 50_000, 7, 100), struct.pack("<HHI", 50_000, 7, 2**32 - 1)
    )
    assert open_image(data, AMPLE).pages == 1


def test_an_avif_that_claims_fewer_pixels_than_its_tiles_have_is_refused() -> None:
    """Libheif decodes all tiles before it compares: 400 MB and 5 seconds for 550 bytes."""
    assert refusal(grid(8, 8, (16384, 16384), (16, 16), tile_side=2048)) == (
        "IMAGE_TOO_LARGE",
        "has 268435456 pixels with all parts; at most 50000000 are accepted",
    )


@pytest.mark.parametrize("claimed", [(16, 16), (64, 64), (16384, 16384)])
def test_an_avif_with_an_overlay_is_refused(claimed: tuple[int, int]) -> None:
    """The canvas took 770 MB for every claimed size."""
    reason, message = refusal(overlay((16384, 16384), claimed))
    assert reason == "IMAGE_UNREADABLE"
    assert message == "cannot be decoded as AVIF: damaged, truncated or of an unusual kind"


def test_one_large_tile_in_a_small_grid_costs_its_own_pixels() -> None:
    source = open_image(grid(1, 1, (64, 64), (64, 64), tile_side=1024), AMPLE)
    assert (source.width, source.height) == (64, 64)
    assert source.pixels(all_frames=False) == 1024 * 1024
    few = ImageLimits(max_bytes=1 << 20, max_pixels=1 << 19)
    assert refusal(grid(1, 1, (64, 64), (64, 64), tile_side=1024), few)[0] == "IMAGE_TOO_LARGE"


def test_a_valid_grid_is_decoded_and_costs_its_visible_pixels() -> None:
    source = open_image(grid(3, 4, (250, 190), (250, 190)), AMPLE)
    assert source.pixels(all_frames=False) == 250 * 190
    found = source.decode(all_frames=False).samples
    assert found.shape == (1, 190, 250, 3)
    assert np.abs(found[0].astype(int) - (200, 120, 40)).max() <= 6


@pytest.mark.parametrize("side", [200_000_000, 385_875_984, 2**32 - 1])
def test_a_side_too_large_for_libvips_is_refused_without_output_on_stderr(
    side: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """It was once read as a side of one pixel."""
    assert refusal(bombs.claiming("avif", 16, side))[0] == "IMAGE_TOO_LARGE"
    assert capfd.readouterr().err == ""


def test_a_truncated_grid_is_refused() -> None:
    data = grid(2, 2, (100, 100), (100, 100))
    for length in range(1, len(data)):
        with pytest.raises(InvalidImage):
            open_image(data[:length], AMPLE).decode(all_frames=False)


@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg"])
def test_photographs_have_no_hidden_parts(name: str) -> None:
    source = open_image(photo(name), AMPLE)
    assert source.pixels(all_frames=True) == source.width * source.height


def verdict(data: bytes | memoryview) -> tuple[str, ...]:
    """The error of opening a file, or its format and size."""
    try:
        found = open_image(data, AMPLE)
    except InvalidImage as error:
        return error.reason, error.description
    return found.format, str((found.width, found.height, found.frames, found.pages))


def test_a_memoryview_is_opened_like_bytes() -> None:
    """Sources of streams are memoryviews, which have fewer methods than bytes."""
    for name, data in everything()[::2]:
        with mmap.mmap(-1, max(len(data), 1)) as memory:
            memory[: len(data)] = data
            with memoryview(memory) as whole, whole[: len(data)] as view:
                assert verdict(view) == verdict(data), name


def test_an_avif_with_too_many_empty_entries_is_refused() -> None:
    """Nested lists multiply: 60 items of 65,535 extents each took 5 seconds in 546 bytes."""
    assert refusal(empty_extents(60, 65_535))[0] == "IMAGE_UNREADABLE"
    with pytest.raises(ValueError, match="too many entries"):
        _ = Meta.read(empty_extents(60, 65_535)).decoded_pixels


def test_the_description_of_a_grid_is_read_only_up_to_its_length() -> None:
    """6,000 extents of 256 kB each would be 1.6 gigabytes."""
    tracemalloc.start()
    try:
        assert Meta.read(long_grid(6000, 2**18)).decoded_pixels >= 1
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("behind", [b"\n", bytes(4), b"a note for whoever looks"])
def test_an_avif_may_be_followed_by_other_bytes(behind: bytes) -> None:
    """Decoders do not read it."""
    whole = bytes(image_of(corners()).heifsave_buffer(compression="av1"))
    found = open_image(whole + behind, AMPLE).decode(all_frames=False)
    assert found.samples.shape == (1, *corners().shape)
