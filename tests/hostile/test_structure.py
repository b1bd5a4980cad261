"""What takes far more work than it announces is refused by its structure, before libvips is asked.

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
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.images.isobmff.meta import Meta
from autoquality_core.images.png.chunks import count_chunks
from tests.hostile import bombs
from tests.hostile.derived import empty_extents, grid, long_grid, overlay
from tests.hostile.files import everything
from tests.images.files import AMPLE, animated, corners, image_of
from tests.photos import photo


def refusal(data: bytes, limits: ImageLimits = AMPLE) -> tuple[str, str]:
    """The reason and the sentence with which a file is refused."""
    with pytest.raises(InvalidImage) as caught:
        open_image(data, limits)
    return caught.value.reason, caught.value.description


def test_a_webp_of_a_million_frames_is_refused_by_counting_them() -> None:
    """Libwebp looks for each from the first on: a million take an hour."""
    assert refusal(bombs.webp_frames(1_000_000)) == (
        "IMAGE_TOO_LARGE",
        "has 1000000 frames; at most 2000 are accepted",
    )


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_of_a_million_pages_is_refused_by_following_some(big: bool) -> None:
    assert refusal(bombs.tiff_pages(200_000, big=big)) == (
        "IMAGE_TOO_LARGE",
        "has 2001 pages or more; at most 2000 are accepted",
    )
    assert open_image(bombs.tiff_pages(2000, big=big), AMPLE).pages == 2000


def test_a_tiff_whose_pages_are_a_ring_has_each_of_them_once() -> None:
    assert open_image(bombs.tiff_pages(3, ring=True), AMPLE).pages == 3


def test_a_chain_of_pages_that_leaves_the_file_is_no_defect() -> None:
    far = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**64 - 1)
    assert refusal(far)[0] == "IMAGE_UNREADABLE"


def test_a_tiff_of_thousands_of_samples_a_pixel_is_refused() -> None:
    """All are decoded: 28 kB with 500 for each of 9 megapixels took 28 seconds and 1.7 GB."""
    assert refusal(bombs.tiff_bands(3000, 500)) == (
        "IMAGE_TOO_LARGE",
        "3000x3000 with 500 bands is 4500000000 samples; at most 400000000 are accepted",
    )
    few = open_image(bombs.tiff_bands(100, 500), AMPLE).decode(all_frames=False)
    assert few.samples.shape == (1, 100, 100, 2)


def test_an_image_may_have_exactly_the_samples_that_are_accepted() -> None:
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


def test_what_lies_behind_a_jpeg_are_no_scans_of_it() -> None:
    """Cameras lay films and further pictures there."""
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
def test_what_compressed_texts_of_a_png_unfold_to_is_limited_together(kind: str) -> None:
    """100 texts of 7 MB each in 700 kB took seconds; libpng decompresses each several times."""
    text = bombs.deflated(kind, bytes(4 * bombs.MIB))
    told = "has 16777217 bytes or more of decompressed texts and profiles"
    for data in (bombs.png(text * 5), bombs.png()[:-12] + text * 5 + bombs.png()[-12:]):
        reason, message = refusal(data)
        assert (reason, message) == ("IMAGE_TOO_LARGE", f"{told}; at most 16777216 are accepted")
    assert open_image(bombs.png(text * 4), AMPLE).width == 16


def test_no_more_of_a_text_is_decompressed_than_is_accepted() -> None:
    text = bombs.text(256)
    tracemalloc.start()
    try:
        assert refusal(bombs.png(text))[0] == "IMAGE_TOO_LARGE"
        assert tracemalloc.get_traced_memory()[1] < 40 * bombs.MIB
    finally:
        tracemalloc.stop()


def test_uncompressed_texts_and_damaged_ones_unfold_to_nothing() -> None:
    plain = bombs.chunk(b"iTXt", b"Comment\0\0\0\0\0" + b"text" * 10)
    damaged = bombs.chunk(b"zTXt", b"Comment\0\0no zlib stream")
    assert count_chunks(bombs.png((plain + damaged) * 20), 100, 1000).decompressed == 0
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
def test_a_value_that_the_pages_of_a_tiff_share_counts_for_each(order: str, big: bool) -> None:
    """Libtiff reads it for each: 20 MB in 50 pages took 4 seconds for the header."""
    limits = ImageLimits(max_bytes=1 << 20, max_pixels=1 << 20)
    data = bombs.tiff_tags(12, 20, bytes(60_000), order=order, big=big)
    reason, message = refusal(data, limits)
    assert reason == "IMAGE_TOO_LARGE"
    assert message.endswith("bytes of metadata with all pages; at most 1048576 are accepted")
    few = bombs.tiff_tags(12, 16, bytes(60_000), order=order, big=big)
    assert open_image(few, limits).pages == 16


def test_tags_that_reach_beyond_a_tiff_count_as_nothing() -> None:
    """Libtiff ignores them."""
    data = bombs.tiff_tags(10, 1, bytes(100)).replace(
        struct.pack("<HHI", 50_000, 7, 100), struct.pack("<HHI", 50_000, 7, 2**32 - 1)
    )
    assert open_image(data, AMPLE).pages == 1


def test_an_avif_that_claims_less_than_its_tiles_make_is_refused() -> None:
    """Libheif makes all of it, and then compares: 400 MB and 5 seconds for 550 bytes."""
    assert refusal(grid(8, 8, (16384, 16384), (16, 16), tile_side=2048)) == (
        "IMAGE_TOO_LARGE",
        "has 268435456 pixels with all parts; at most 50000000 are accepted",
    )


@pytest.mark.parametrize("claimed", [(16, 16), (64, 64), (16384, 16384)])
def test_an_avif_laid_over_a_canvas_is_refused(claimed: tuple[int, int]) -> None:
    """The canvas took 770 MB, whatever was claimed."""
    reason, message = refusal(overlay((16384, 16384), claimed))
    assert reason == "IMAGE_UNREADABLE"
    assert message == "cannot be decoded as AVIF: damaged, truncated or of an unusual kind"


def test_one_large_tile_in_a_small_grid_costs_what_it_takes() -> None:
    source = open_image(grid(1, 1, (64, 64), (64, 64), tile_side=1024), AMPLE)
    assert (source.width, source.height) == (64, 64)
    assert source.pixels(all_frames=False) == 1024 * 1024
    few = ImageLimits(max_bytes=1 << 20, max_pixels=1 << 19)
    assert refusal(grid(1, 1, (64, 64), (64, 64), tile_side=1024), few)[0] == "IMAGE_TOO_LARGE"


def test_an_honest_grid_is_decoded_and_costs_what_it_shows() -> None:
    source = open_image(grid(3, 4, (250, 190), (250, 190)), AMPLE)
    assert source.pixels(all_frames=False) == 250 * 190
    found = source.decode(all_frames=False).samples
    assert found.shape == (1, 190, 250, 3)
    assert np.abs(found[0].astype(int) - (200, 120, 40)).max() <= 6


@pytest.mark.parametrize("side", [200_000_000, 385_875_984, 2**32 - 1])
def test_a_side_beyond_what_libvips_holds_is_refused_without_a_word_on_stderr(
    side: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """It would have been taken for a side of one pixel."""
    assert refusal(bombs.claiming("avif", 16, side))[0] == "IMAGE_TOO_LARGE"
    assert capfd.readouterr().err == ""


def test_every_beginning_of_a_grid_is_refused_or_decoded() -> None:
    data = grid(2, 2, (100, 100), (100, 100))
    for length in range(1, len(data)):
        with pytest.raises(InvalidImage):
            open_image(data[:length], AMPLE).decode(all_frames=False)


@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg"])
def test_photographs_have_no_hidden_parts(name: str) -> None:
    source = open_image(photo(name), AMPLE)
    assert source.pixels(all_frames=True) == source.width * source.height


@pytest.mark.parametrize("fmt", ["gif", "webp"])
def test_the_frames_of_an_animation_count_only_where_they_are_decoded(fmt: str) -> None:
    frames = [np.full((20, 30, 3), 40 * number, np.uint8) for number in range(4)]
    source = open_image(animated(frames, [50] * 4, fmt), AMPLE)
    assert (source.pixels(all_frames=False), source.pixels(all_frames=True)) == (600, 2400)


def verdict(data: bytes | memoryview) -> tuple[str, ...]:
    """What comes of looking at a file's header."""
    try:
        found = open_image(data, AMPLE)
    except InvalidImage as error:
        return error.reason, error.description
    return found.format, str((found.width, found.height, found.frames, found.pages))


@pytest.mark.parametrize(
    "data", [data for _, data in everything()], ids=[name for name, _ in everything()]
)
def test_a_source_that_came_in_chunks_is_looked_at_like_any_other(data: bytes) -> None:
    """Those of streams are no bytes but views of memory, which know fewer methods."""
    with mmap.mmap(-1, max(len(data), 1)) as memory:
        memory[: len(data)] = data
        with memoryview(memory) as whole, whole[: len(data)] as view:
            assert verdict(view) == verdict(data)


def test_an_avif_whose_entries_take_no_bytes_is_refused_by_their_number() -> None:
    """A list of lists multiplies: 60 items of 65,535 places each took 5 seconds in 546 bytes."""
    assert refusal(empty_extents(60, 65_535))[0] == "IMAGE_UNREADABLE"
    with pytest.raises(ValueError, match="too many entries"):
        Meta.read(empty_extents(60, 65_535)).decoded_pixels()


def test_what_describes_a_grid_is_read_no_further_than_it_reaches() -> None:
    """Put together, 60,000 times 256 kB were 16 gigabytes."""
    tracemalloc.start()
    try:
        Meta.read(long_grid(60_000, 2**18)).decoded_pixels()
        assert tracemalloc.get_traced_memory()[1] < 2**25
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("behind", [b"\n", bytes(4), b"a note for whoever looks"])
def test_an_avif_may_have_something_behind_it(behind: bytes) -> None:
    """Decoders do not look there."""
    whole = bytes(image_of(corners()).heifsave_buffer(compression="av1"))
    found = open_image(whole + behind, AMPLE).decode(all_frames=False)
    assert found.samples.shape == (1, *corners().shape)
