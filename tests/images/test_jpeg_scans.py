"""Counting the scans of a JPEG: never fewer than libjpeg decodes."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import pyvips

from autoquality_core.errors import InvalidImage
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.images.jpeg import MOST_SEGMENTS, count_scans
from autoquality_core.images.loaders import load
from tests.hostile import bombs
from tests.hostile.bombs import segment
from tests.images.files import AMPLE
from tests.photos import photo

HUFFMAN, ARITHMETIC = 0xC2, 0xCA
TABLES = segment(0xDB, bytes([0, *[255] * 64])) + segment(0xC4, bytes([0, 1, *[0] * 15, 0]))


def refined(between: bytes, frame: int = HUFFMAN) -> bytes:
    """Four grey blocks with a restart before each; the second scan makes them brighter.

    `between` is in the data of the first scan.
    """
    sizes = segment(frame, struct.pack(">BHHB", 8, 8, 32, 1) + bytes((1, 0x11, 0)))
    first = segment(0xDA, bytes((1, 1, 0, 0, 0, 0x01))) + b"\0" + between
    second = segment(0xDA, bytes((1, 1, 0, 0, 0, 0x10))) + b"\xfe\xff\xd0\xfe\xff\xd1\xfe"
    restarts = segment(0xDD, struct.pack(">H", 1))
    return b"\xff\xd8" + TABLES + sizes + restarts + first + second + b"\xff\xd9"


def without_second(data: bytes) -> bytes:
    """The file with end markers instead, several of them: a segment may cover one."""
    return data[: data.rindex(b"\xff\xda")] + b"\xff\xd9" * 40


def decoded(data: bytes) -> bytes | None:
    """The samples that libjpeg decodes, None if it rejects the file."""
    try:
        return bytes(load(data, "jpeg").write_to_memory())
    except pyvips.Error:
        return None


def _between() -> list[bytes]:
    """Every marker in several shapes, and sequences of bytes that matter to a parser."""
    shapes = (b"", b"\0", b"\0\0", b"\0\1", b"\0\2", b"\0\3", b"\0\4", b"\xff\xfe")
    every = [b"\xff" * fill + bytes((code,)) for code in range(256) for fill in (1, 3)]
    found = [marker + shape for marker in every for shape in shapes]
    chance = np.random.default_rng(15)
    matter = np.frombuffer(bytes.fromhex("ffffffff000001d0d7dac4e1fedd0304dcd8de02bfc0"), np.uint8)
    lengths = chance.integers(1, 14, 1500)
    return found + [chance.choice(matter, length).tobytes() for length in lengths]


@pytest.mark.parametrize("frame", [HUFFMAN, ARITHMETIC])
def test_no_bytes_between_two_scans_hide_the_second(frame: int) -> None:
    hidden, seen = [], 0
    for at, between in enumerate(_between()):
        data = refined(between, frame)
        counted = count_scans(data).scans >= 2
        if counted and at % 10:
            continue  # nothing is hidden, and each tenth shows that libjpeg finds the second
        shown = decoded(data)
        if shown is not None and shown != decoded(without_second(data)):
            seen += 1
            if not counted:
                hidden.append(between)
    assert seen > 100
    assert hidden == []


@pytest.mark.parametrize(
    "before",
    [
        b"\xff\x01",
        b"\xff\x01\xff\xfe\0\2",
        b"\xff\xd0",
        b"\xff\xd7\xff\xff",
        b"\xff\xff\xff",
        b"noise",
    ],
)
def test_markers_without_a_length_hide_no_scans(before: bytes) -> None:
    """116 kB of 4000x4000 with 2,647 scans took 10 seconds to decode."""
    data = bombs.jpeg_scans(4000, 2647, before, runs=True)
    with pytest.raises(InvalidImage, match=r"has \d+ scans .* at most 62 are accepted") as caught:
        open_image(data, AMPLE)
    assert caught.value.reason == "IMAGE_TOO_LARGE"


def test_a_larger_image_may_have_fewer_scans() -> None:
    """100 scans of 50 megapixels take seconds; mozjpeg's search uses at most 16."""
    limits = ImageLimits(max_bytes=1 << 20, max_pixels=1_000_000)
    assert open_image(bombs.jpeg_scans(1000, 20), limits).width == 1000
    with pytest.raises(InvalidImage) as caught:
        open_image(bombs.jpeg_scans(1000, 21), limits)
    expected = "has 21 scans of 1000000 pixels; at most 20 are accepted"
    assert (caught.value.description, caught.value.reason) == (expected, "IMAGE_TOO_LARGE")
    assert open_image(bombs.jpeg_scans(400, 100), limits).width == 400


@pytest.mark.parametrize("frame", [0xC0, 0xC1, HUFFMAN, 0xC3, 0xC9, ARITHMETIC, 0xCB])
def test_every_kind_of_frame_has_its_pixels_counted(frame: int) -> None:
    assert count_scans(refined(b"", frame)).pixels == 8 * 32


def test_optimised_scans_of_a_photograph_are_far_below_the_limit() -> None:
    image = pyvips.Image.new_from_buffer(photo("coffee.png"), "")
    for quality in (10, 50, 80, 100):
        data = bytes(image.jpegsave_buffer(Q=quality, interlace=True, optimize_scans=True))
        assert 3 <= count_scans(data).scans <= 16


def test_only_the_scans_of_the_first_picture_count() -> None:
    """Cameras write further pictures behind the first; only the first is decoded."""
    one = bombs.jpeg_scans(64, 30)
    assert count_scans(one * 5) == count_scans(one)
    assert count_scans(one).scans == 30
    assert open_image(one * 5, AMPLE).decode(all_frames=False).width == 64


def test_a_thumbnail_in_the_metadata_adds_no_scans() -> None:
    thumbnail = segment(0xE1, b"Exif\0\0" + bombs.jpeg_scans(64, 90))
    data = b"\xff\xd8" + thumbnail + bombs.jpeg_scans(64, 90)[2:]
    assert count_scans(data).scans == 90


def test_a_second_frame_header_does_not_make_the_image_smaller() -> None:
    data = bombs.jpeg_scans(1000, 30)
    small = segment(HUFFMAN, struct.pack(">BHHB", 8, 8, 8, 1) + bytes((1, 0x11, 0)))
    at = data.index(b"\xff\xc4")
    assert count_scans(data[:at] + small + data[at:]).pixels == 1_000_000


def test_a_jpeg_with_very_many_segments_is_refused_before_all_are_read() -> None:
    data = b"\xff\xd8" + segment(0xE2, b"") * 1_000_000 + bombs.jpeg_scans(16, 1)[2:]
    assert count_scans(data).segments == MOST_SEGMENTS + 1
    with pytest.raises(InvalidImage) as caught:
        open_image(data, AMPLE)
    assert caught.value.description == "has 10001 segments or more; at most 10000 are accepted"


def test_segments_behind_the_only_scan_are_no_work() -> None:
    """Libjpeg skips them."""
    image = pyvips.Image.new_from_buffer(photo("coffee.png"), "")
    data = bytes(image.jpegsave_buffer())
    more = data[:-2] + segment(0xFE, b"") * (2 * MOST_SEGMENTS) + data[-2:]
    assert count_scans(more).segments > MOST_SEGMENTS
    found, expected = (open_image(one, AMPLE).decode(all_frames=False) for one in (more, data))
    assert np.array_equal(found.samples, expected.samples)
