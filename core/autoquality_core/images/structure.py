"""Refusing files that take far more work than their headers announce, by their structure.

A few kilobytes can hold thousands of scans, frames, pages or compressed texts. libvips
reads all of them to open a file. Here they are counted first, at almost no cost.
"""

from __future__ import annotations

import re
import struct
import zlib
from contextlib import suppress

from autoquality_core.errors import InvalidImage
from autoquality_core.images.jpeg import MOST_SEGMENTS, count_scans
from autoquality_core.images.limits import ImageLimits, check_count
from autoquality_core.images.metadata.exif import Tiff
from autoquality_core.images.png.chunks import chunks
from autoquality_core.types import Data

_MOST_SCANS = 100
"""Of a JPEG. libjpeg processes the whole image for each."""

_FULL_SCANS = 20
"""Of a JPEG as large as the limit on pixels; smaller ones may have more, in proportion. libjpeg's
own script makes 10 scans, and the best that mozjpeg's search can find has 16."""

_MOST_CHUNKS = 10_000
"""Chunks of a PNG without pixels. libvips spends some 20 microseconds on each warning about one."""

_MOST_PIXEL_CHUNKS = 1_000_000
"""Of a PNG. libpng writes 8 kB in each."""

_MOST_TEXTS = 100
"""Compressed texts of a PNG."""

_MOST_DECOMPRESSED = 16 * 2**20
"""Bytes of all compressed texts and profiles of a PNG. libpng decompresses each several times."""

_STEP = 1 << 16
"""Compressed bytes that are decompressed at once."""

# What precedes the compressed bytes: a keyword and the method; in iTXt, also a flag for
# compression, and two more strings.
_COMPRESSED = {
    b"zTXt": re.compile(rb"[^\0]*\0.", re.DOTALL),
    b"iCCP": re.compile(rb"[^\0]*\0.", re.DOTALL),
    b"iTXt": re.compile(rb"[^\0]*\0\x01.[^\0]*\0[^\0]*\0", re.DOTALL),
}

# Tags of a TIFF, and their values.
_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANES, _TILE_WIDTH = 258, 259, 262, 284, 322
_SEPARATE, _YCBCR, _CIELAB = 2, 6, 8
_OTHER_LAB = frozenset({9, 10})
_CODED_YCBCR = frozenset({7, 50001})
_COMPRESSIONS = _CODED_YCBCR | {
    *(0, 1, 2, 3, 4, 5, 8, 32766, 32771, 32773, 32809, 32909, 32946, 34676, 34677)
}
_OTHER_COMPRESSIONS = {6: "old-style JPEG", 34712: "JPEG 2000", 34925: "LZMA", 50000: "Zstandard"}

_MOST_TAGS = 256
"""Of a page of a TIFF. libtiff takes quadratic time for tags that it does not know."""

_MOST_TAGS_IN_ALL = 2**16
"""Of all pages of a TIFF."""

# Bytes of a value in a TIFF, by its type. libtiff ignores tags of other types.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}


def check_structure(data: Data, name: str, limits: ImageLimits, field: str) -> None:
    """Check a file of format `name`, as `sniff` found it.

    Raises InvalidImage, with the reason IMAGE_TOO_LARGE for more work than `limits`
    or this module allow, and IMAGE_UNSUPPORTED for a kind of TIFF that no library here reads.
    """
    if name == "webp":
        # The data may be a memoryview, which has no `count`.
        frames = sum(1 for _ in re.finditer(b"ANMF", data))
        check_count(field, "frames", frames, limits.max_frames)
    elif name == "tiff":
        _check_tiff(data, limits, field)
        if (kind := _unread_tiff(data)) is not None:
            raise InvalidImage(field, f"is a TIFF with {kind}", reason="IMAGE_UNSUPPORTED")
    elif name == "png":
        _check_png(data, field)
    elif name == "jpeg":
        _check_jpeg(data, limits, field)


def _check_jpeg(data: Data, limits: ImageLimits, field: str) -> None:
    scans, pixels, segments = count_scans(data)
    check_count(field, "segments or more", segments, MOST_SEGMENTS)
    most = _FULL_SCANS * limits.max_pixels // max(pixels, 1)
    if scans > _FULL_SCANS:
        what = f"scans of {pixels} pixels" if most < _MOST_SCANS else "scans"
        check_count(field, what, scans, min(most, _MOST_SCANS))


def _check_png(data: Data, field: str) -> None:
    others = pixel_chunks = texts = decompressed = 0
    for kind, start, length in chunks(data):
        if kind in (b"IDAT", b"fdAT"):
            pixel_chunks += 1
        else:
            others += 1
        end = min(start + length, len(data))
        if kind in _COMPRESSED and (prefix := _COMPRESSED[kind].match(data, start, end)):
            texts += kind != b"iCCP"
            room = _MOST_DECOMPRESSED + 1 - decompressed
            decompressed += _decompressed_size(data, prefix.end(), end, room)
        if kind == b"IEND" or texts > _MOST_TEXTS or decompressed > _MOST_DECOMPRESSED:
            break
        if others > _MOST_CHUNKS or pixel_chunks > _MOST_PIXEL_CHUNKS:
            break
    check_count(field, "compressed texts or more", texts, _MOST_TEXTS)
    unit = "bytes or more of decompressed texts and profiles"
    check_count(field, unit, decompressed, _MOST_DECOMPRESSED)
    check_count(field, "chunks without pixels or more", others, _MOST_CHUNKS)
    check_count(field, "chunks of pixels or more", pixel_chunks, _MOST_PIXEL_CHUNKS)


def _decompressed_size(data: Data, start: int, end: int, most: int) -> int:
    """How many bytes a zlib stream decompresses to, at most `most`.

    A damaged stream counts up to the damage.
    """
    unpacker = zlib.decompressobj()
    size = 0
    with suppress(zlib.error):  # libpng ignores the chunk
        for at in range(start, end, _STEP):
            size += len(unpacker.decompress(data[at : min(at + _STEP, end)], most - size))
            if size >= most or unpacker.eof:
                break
    return size


def _unread_tiff(data: Data) -> str | None:
    """What libvips cannot read in a TIFF, and what it can; None for a usual or damaged file.

    For some kinds, it reads wrong pixels without an error.
    """
    tiff = Tiff.of(data)
    if tiff is None:
        return None
    entries = tiff.first.entries
    tags = _BITS, _COMPRESSION, _PHOTOMETRIC, _PLANES
    bits, compression, photometric, planes = (tiff.number(entries.get(tag)) for tag in tags)
    name = _OTHER_COMPRESSIONS.get(compression, f"unknown ({compression})")
    other_lab = photometric in _OTHER_LAB or (photometric == _CIELAB and bits == 8)
    kinds = {
        f"{bits} bits a sample, which cannot be read: use 8 or 16": (
            bits % 8 and bits not in {1, 2, 4}
        ),
        f"{name} compression, which cannot be read: use LZW or Deflate": (
            compression not in _COMPRESSIONS
        ),
        "tiles in separate planes, which cannot be read: use one plane": (
            planes == _SEPARATE and _TILE_WIDTH in entries
        ),
        "YCbCr colours without JPEG compression, which cannot be read: use RGB": (
            photometric == _YCBCR and compression not in _CODED_YCBCR
        ),
        f"CIELAB colours of {bits} bits, which cannot be read: use RGB": other_lab,
    }
    return next((kind for kind, found in kinds.items() if found), None)


def _check_tiff(data: Data, limits: ImageLimits, field: str) -> None:
    order = "<" if data[:1] == b"I" else ">"
    big = b"+" in bytes(data[2:4])
    offset, number, count_size, entry_size = (8, "Q", 8, 20) if big else (4, "I", 2, 12)
    entry = struct.Struct(f"{order}2xH{number}{8 if big else 4}x")
    tags = most_tags = value_bytes = 0
    pages: set[int] = set()  # a ring has each of them once
    # If the chain leaves the file, libtiff rejects or ignores the page.
    with suppress(struct.error, OverflowError):
        (at,) = struct.unpack_from(order + number, data, offset)
        while at and at not in pages and len(pages) <= limits.max_frames:
            pages.add(at)
            (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
            at += count_size
            if at + entry_size * count > len(data):
                break  # libtiff rejects the page.
            tags += count
            most_tags = max(most_tags, count)
            if tags > _MOST_TAGS_IN_ALL:
                break
            for kind, values in entry.iter_unpack(data[at : at + entry_size * count]):
                size = values * _SIZES.get(kind, 0)
                value_bytes += size if size <= len(data) else 0
            (at,) = struct.unpack_from(order + number, data, at + entry_size * count)
    check_count(field, "pages or more", len(pages), limits.max_frames)
    check_count(field, "tags in a page", most_tags, _MOST_TAGS)
    check_count(field, "tags or more", tags, _MOST_TAGS_IN_ALL)
    # Pages may share a value, which libtiff reads again for each.
    check_count(field, "bytes of metadata with all pages", value_bytes, limits.max_bytes)
