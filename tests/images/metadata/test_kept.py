"""Hostile metadata is read in little time, or left out."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from autoquality_core.formats.containers import fitting_metadata
from autoquality_core.images import Metadata
from autoquality_core.images.metadata.kept import Blocks, kept_metadata
from autoquality_core.types import Format
from tests.images.metadata_files import (
    ARTIST,
    EXIF_IFD,
    GPS,
    directory,
    exif,
    exif_block,
    iptc_record,
    packet,
    png_with_texts,
    resource,
    saved,
    text,
    with_thumbnail,
)

SIDES = 48, 32
NOTES = b"Photoshop 3.0\0" + resource(0x0404, iptc_record(80, b"Ada"))
XMP = packet("<xmp:Thumbnails>x</xmp:Thumbnails><dc:rights>me</dc:rights>", 'tiff:Orientation="6"')


def kept(data: bytes, name: str, blocks: Blocks | None = None, everything: bool = True) -> Metadata:
    return kept_metadata(
        *(data, name, blocks or Blocks(), SIDES),
        swapped=True,
        everything=everything,
        copyright_too=True,
    )


def whole_exif() -> bytes:
    tags = {ARTIST: text("Ada Lovelace"), 0x011A: (5, 1, b"\x48\0\0\0\1\0\0\0")}
    tags |= {tag: (4, 1, bytes(4)) for tag in (EXIF_IFD, GPS)}
    end = len(with_thumbnail(tags, b"thumbnail"))
    tags |= {tag: (4, 1, struct.pack("<I", end)) for tag in (EXIF_IFD, GPS)}
    return with_thumbnail(tags, b"thumbnail") + directory({0x9286: text("a comment")}, end)


def test_damaged_blocks_never_raise() -> None:
    """Bytes changed, cut off or doubled, 3000 times."""
    random = np.random.default_rng(0)
    files = {
        "jpeg": saved("JPEG", dpi=(300, 300)),
        "png": png_with_texts(Author=("tEXt", "Ada"), Copyright=("zTXt", "(c)")),
        "tiff": saved("TIFF", exif=exif(), dpi=(72, 72)),
        "gif": saved("GIF"),
    }

    def damaged(block: bytes) -> bytes:
        out = bytearray(block)
        for _ in range(random.integers(0, 6)):
            out[random.integers(len(out))] = random.choice([0, 1, 8, 127, 255])
        return bytes(out[: random.integers(len(out) // 2, len(out) + 1)])

    for _ in range(3000):
        name = list(files)[random.integers(4)]
        blocks = Blocks(damaged(whole_exif()), damaged(XMP), damaged(NOTES))
        found = kept(damaged(files[name]), name, blocks, bool(random.integers(2)))
        for fmt in Format:
            assert fitting_metadata(fmt, found) is not None


def test_values_of_tags_that_share_bytes_are_limited_together() -> None:
    """4000 tags of a megabyte each would make four gigabytes of EXIF."""
    entries = b"".join(struct.pack("<HHII", tag, 7, 1 << 20, 0) for tag in range(1000, 5000))
    inner = struct.pack("<H", 4000) + entries + bytes(4)
    at = len(exif_block({EXIF_IFD: (4, 1, bytes(4))}))
    block = exif_block({EXIF_IFD: (4, 1, struct.pack("<I", at))}) + inner + bytes(1 << 20)
    assert len(kept(block, "tiff").exif) < 2 * len(block)
    jpeg = saved("JPEG", dpi=(300, 300))
    assert len(kept(jpeg, "jpeg", Blocks(exif=block)).exif) < 3 * len(block)


def test_a_directory_that_contains_itself_is_read_once() -> None:
    block = exif_block({EXIF_IFD: (4, 1, struct.pack("<I", 8)), ARTIST: text("Ada Lovelace")}, 8)
    assert b"Ada Lovelace" in kept(b"", "webp", Blocks(exif=block)).exif


@pytest.mark.parametrize(
    "part",
    [
        b"<xmp:Thumbnails>",
        b"<tiff:Orientation ",
        b"tiff:Orientation =",
        b' xmlns:tiff="http://ns.adobe.com/tiff/1.0/"',
        b"<!--",
    ],
)
def test_a_megabyte_of_unfinished_xmp_takes_little_time(part: bytes) -> None:
    xmp = XMP.replace(b"<dc:rights>", part * (2_000_000 // len(part)) + b"<dc:rights>")
    assert kept(b"", "webp", Blocks(xmp=xmp)).xmp


def test_deep_xmp_is_read() -> None:
    deep = packet("<a>" * 100_000 + "</a>" * 100_000 + "<dc:rights>me</dc:rights>")
    assert b"me" in kept(b"", "webp", Blocks(xmp=deep)).exif


def test_a_gif_of_unfinished_xmp_is_searched_once() -> None:
    assert not kept(b"!\xff\x0bXMP DataXMP" * 200_000, "gif")


def test_other_texts_of_a_png_are_not_read() -> None:
    many = png_with_texts(**{f"Other{number}": ("tEXt", "x" * 1000) for number in range(2000)})
    assert not kept(many, "png")


def test_a_block_that_is_too_large_is_dropped_with_a_notice() -> None:
    class Header:
        @staticmethod
        def get_typeof(name: str) -> int:
            return name == "xmp-data"

        @staticmethod
        def get(_name: str) -> bytes:
            return bytes((1 << 24) + 1)

    assert kept(b"", "webp", Blocks.of(Header())).dropped == ("XMP has 16777217 bytes",)
