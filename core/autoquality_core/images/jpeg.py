"""The structure of JPEG files: their scans, their tables, and further images behind the first.

Decoders show the first image of a file and ignore others. Cameras add a second view by
a multi-picture index (CIPA DC-007); Ultra HDR and ISO 21496-1 add a gain map for HDR
screens. Scans and markers are those of ITU-T T.81, annex B.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from autoquality_core.images.metadata.exif import ORIENTATION, Tiff
from autoquality_core.types import Data

MOST_SEGMENTS = 10_000
"""64 MiB of metadata alone take some 1,000 segments."""

# Markers that start a segment, and the start and end of an image. Between segments, libjpeg
# skips everything else: stray and fill bytes, stuffed zeros, and markers that stand alone
# (TEM, RSTn) or are reserved (02 to BF).
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
_START, _END, _SCAN, _TABLES = 0xD8, 0xD9, 0xDA, 0xDB
_APP1, _APP2 = 0xE1, 0xE2
_OTHERS = frozenset({0xC4, _TABLES, 0xDD, 0xE0, 0xEE, 0xFE})
"""DHT, DQT, DRI, APP0 (JFIF), APP14 (Adobe) and comments."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOFn, without DHT, JPG and DAC, which lie between them."""
_SEQUENTIAL = (0xC0, 0xC1)
"""Those of libjpeg's usual files: not progressive, and with Huffman codes."""

_INDEX = b"MPF\0"
_IMAGE = b"\xff\xd8\xff"
_IMAGE_END, _SCAN_START = b"\xff\xd9", b"\xff\xda"

# A frame header: precision in bits, height, width and the number of components.
_FRAME_HEADER = 6
_BITS = 8
_MOST_SIDE = 65500
"""libjpeg's JPEG_MAX_DIMENSION."""

_EXIF = b"Exif\0\0"
_UPRIGHT = (3, 1, 1)
"""Type (16 bits), count and value."""

_ENTRIES_TAG = 0xB002
_ENTRY = 16
_UNDEFINED = 7
_THUMBNAIL = 0x01
"""The class of an image in the index that is a smaller version of the first."""

_GAIN_MAPS = (
    (_APP1, b"http://ns.adobe.com/hdr-gain-map/1.0/"),
    (_APP1, b"http://ns.apple.com/HDRGainMap/1.0/"),
    (_APP2, b"urn:iso:std:iso:ts:21496:-1\0"),
    (_APP2, b"urn:com:apple:photo:2020:aux:hdrgainmap"),
)
"""Contents of segments in an image with a gain map, or in the gain map."""

# Of each image, before its scans; ICC profiles and extended XMP take several.
_MOST_HEADER_SEGMENTS = 256
_MOST_IMAGES = 1000
_MOST_SEARCHED = 4


class Scans(NamedTuple):
    """The scans of the first image, and the pixels of its frame, 0 without a frame header.

    Counting stops at more than MOST_SEGMENTS `segments`.
    """

    scans: int
    pixels: int
    segments: int


def count_scans(data: Data) -> Scans:
    """Count the scans of the first image, which is all that libjpeg decodes.

    The count is never below the number that libjpeg decodes. If libjpeg rejects a file
    (with a second frame header, or a hierarchical image), it may be above.
    """
    at = scans = pixels = seen = 0
    while seen <= MOST_SEGMENTS:
        marker = _MARKER.search(data, at)
        if marker is None:
            break
        at, code = marker.end(), marker.group()[1]
        if code == _END:
            break
        if code == _START:
            continue
        seen += 1
        scans += code == _SCAN
        if code in _FRAMES:
            height, width = _number(data, at + 3), _number(data, at + 5)
            pixels = max(pixels, width * height)
        at += max(2, _number(data, at))  # the length includes its own 2 bytes
    return Scans(scans, pixels, seen)


class SingleScan(NamedTuple):
    """The first image of a file that is sequential, of 8 bits, and complete with one scan."""

    width: int
    height: int
    components: int


def single_scan(data: Data) -> SingleScan | None:
    """The first image, if its first scan has all components, and an end is behind it."""
    view = memoryview(data)
    found, at = None, 2
    for code, start, content in segments(view, 0):
        at = start + len(content)
        if code < 0xC0 or 0xD0 <= code <= _START:  # for libjpeg, no segments follow these
            return None
        if code in _FRAMES:
            if code not in _SEQUENTIAL or len(content) < _FRAME_HEADER or content[0] != _BITS:
                return None
            height, width = _number(content, 1), _number(content, 3)
            found = SingleScan(width, height, content[5])
    scan = bytes(view[at : at + 5])
    if found is None or len(scan) < 5 or scan[:2] != _SCAN_START or scan[4] != found.components:
        return None
    complete = bytes(view[-2:]) == _IMAGE_END or _IMAGE_END in bytes(view[at:])
    return found if complete and found.components else None


def plain_exif(data: Data, scan: SingleScan) -> bytes | None:
    """The EXIF block of a plain JPEG with this single scan, empty without one. None for others.

    A file is plain if its header has one frame and nothing else that decides how it looks: no
    profile, no further image, and no EXIF block with another orientation than upright. Wrong tables
    and samples show when the file is decoded. libvips takes several times as long for the header.
    """
    frame = exif = b""
    for code, _, content in segments(memoryview(data), 0):
        block = bytes(content)
        if code in _SEQUENTIAL and not frame:
            frame = block
        elif code == _APP1 and not exif and _says_upright(block):
            exif = block
        elif code not in _OTHERS:
            return None
    known = scan.components in (1, 3) and len(frame) == _FRAME_HEADER + 3 * scan.components
    sides = scan.width, scan.height
    return exif if known and 0 < min(sides) <= max(sides) <= _MOST_SIDE else None


def _says_upright(block: bytes) -> bool:
    """Whether this is an EXIF block without another orientation, and without a gain map."""
    tiff = Tiff.of(block[len(_EXIF) :]) if block.startswith(_EXIF) else None
    if tiff is None or tiff.big or any(words in block for _, words in _GAIN_MAPS):
        return False
    entry = tiff.first.entries.get(ORIENTATION)
    return entry is None or (entry.kind, entry.count, tiff.number(entry)) == _UPRIGHT


def find_images(data: Data) -> tuple[int, bool]:
    """How many images a file holds, without thumbnails, and whether one is a gain map.

    They are found by the segments before the scans of each image.
    """
    view = memoryview(data)
    further: list[int] = []
    for code, start, content in segments(view, 0):
        if code == _APP2 and bytes(content[: len(_INDEX)]) == _INDEX:
            further = _further(content[len(_INDEX) :], start + len(_INDEX), view)
            break
    gain_map = any(_mentions_gain_map(view, at) for at in (0, *further[:_MOST_SEARCHED]))
    return 1 + max(len(further), gain_map), gain_map


def quantisation_tables(data: Data) -> tuple[tuple[int, ...], ...]:
    """The quantisation table of each component of the first image, 64 numbers in zigzag order.

    Empty if the file has no tables before its first scan, or not those that its frame needs.
    """
    tables: dict[int, tuple[int, ...]] = {}
    used: list[int] = []
    for code, _, content in segments(memoryview(data), 0):
        if code == _TABLES:
            tables |= _tables(content)
        elif code in _FRAMES:
            used = list(content[8::3])  # behind precision, sides and count: 3 bytes for each
    return tuple(tables[one] for one in used) if tables.keys() >= set(used) else ()


def _tables(content: memoryview) -> dict[int, tuple[int, ...]]:
    found = {}
    while content:
        wide, number = content[0] >> 4, content[0] & 15
        end = 1 + 64 * (1 + bool(wide))
        if len(content) < end:
            break
        found[number] = struct.unpack(">64H" if wide else "64B", content[1:end])
        content = content[end:]
    return found


def _number(data: Data, at: int) -> int:
    """The 16 bits at `at`, or fewer at the end of the file."""
    return int.from_bytes(data[at : at + 2], "big")


def segments(data: memoryview, at: int) -> Iterator[tuple[int, int, memoryview]]:
    """The segments of the image at `at`, up to its first scan: code, start and content of each."""
    at += 2
    for _ in range(_MOST_HEADER_SEGMENTS):
        while bytes(data[at : at + 2]) == b"\xff\xff":
            at += 1
        if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] in (_SCAN, _END):
            return
        length = _number(data, at + 2)
        yield data[at + 1], at + 4, data[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def _mentions_gain_map(data: memoryview, at: int) -> bool:
    return any(
        code == wanted and words in bytes(content)
        for code, _, content in segments(data, at)
        for wanted, words in _GAIN_MAPS
    )


def _further(index: memoryview, base: int, data: memoryview) -> list[int]:
    """Where the images of an index begin, without the first and thumbnails.

    Images that are not in the file are left out: some tools remove them and leave the index.
    """
    tiff = Tiff.of(index)  # an index has the layout of a TIFF
    entries = None if tiff is None else tiff.first.entries.get(_ENTRIES_TAG)
    if tiff is None or entries is None or entries.kind != _UNDEFINED:
        return []
    found = []
    for at in range(entries.start, entries.end - _ENTRY + 1, _ENTRY)[:_MOST_IMAGES]:
        kind, _, offset = struct.unpack_from(tiff.order + "III", index, at)
        start = base + offset
        is_image = offset and bytes(data[start : start + len(_IMAGE)]) == _IMAGE
        if is_image and kind >> 16 & 0xFF != _THUMBNAIL:
            found.append(start)
    return found
