"""Further images in a JPEG: those of its multi-picture index (CIPA DC-007), and gain maps.

A decoder of JPEG shows the first image and knows of no other. Cameras store a
second view, Ultra HDR and ISO 21496-1 a gain map for HDR screens.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from autoquality_core.types import Data

_APP1, _APP2 = 0xE1, 0xE2
_INDEX = b"MPF\0"
_START = b"\xff\xd8\xff"

# Of each image; ICC profiles and extended XMP take several.
_MOST_SEGMENTS = 256
_MOST_IMAGES = 1000
_MOST_SEARCHED = 4

_ENTRIES_TAG = 0xB002
_ENTRY = 16
_UNDEFINED = 7
_THUMBNAIL = 0x01
"""The class of an image in the index that shows the same as the first, only smaller."""

_GAIN_MAPS = (
    (_APP1, b"http://ns.adobe.com/hdr-gain-map/1.0/"),
    (_APP1, b"http://ns.apple.com/HDRGainMap/1.0/"),
    (_APP2, b"urn:iso:std:iso:ts:21496:-1\0"),
    (_APP2, b"urn:com:apple:photo:2020:aux:hdrgainmap"),
)
"""What the segments of the image or of its gain map say where there is one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """How many images a JPEG holds, thumbnails left out, and whether one is a gain map."""

    images: int
    gain_map: bool


def read_parts(data: Data) -> Parts:
    """Look at the segments in front of the pixels of each image; at nothing else."""
    view = memoryview(data)
    further: list[int] = []
    for code, start, content in _segments(view, 0):
        if code == _APP2 and bytes(content[: len(_INDEX)]) == _INDEX:
            further = _further(content[len(_INDEX) :], start + len(_INDEX), view)
            break
    gain_map = any(_tells_of_gain_map(view, at) for at in (0, *further[:_MOST_SEARCHED]))
    return Parts(1 + max(len(further), gain_map), gain_map)


def _segments(data: memoryview, at: int) -> Iterator[tuple[int, int, memoryview]]:
    """The segments from `at`, where an image begins, to its first scan: code, place, content."""
    at += 2
    for _ in range(_MOST_SEGMENTS):
        while bytes(data[at : at + 2]) == b"\xff\xff":
            at += 1
        if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] in (0xDA, 0xD9):
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield data[at + 1], at + 4, data[at + 4 : at + 2 + length]
        at += 2 + max(length, 2)


def _tells_of_gain_map(data: memoryview, at: int) -> bool:
    return any(
        code == wanted and words in bytes(content)
        for code, _, content in _segments(data, at)
        for wanted, words in _GAIN_MAPS
    )


def _further(index: memoryview, base: int, data: memoryview) -> list[int]:
    """Where the images begin that an index names besides the first and thumbnails.

    Images that are not there are left out: tools cut them off and leave the index.
    """
    order = "<" if bytes(index[:2]) == b"II" else ">"
    found = []
    try:
        for at in _entries(index, order)[:_MOST_IMAGES]:
            kind, _, offset = struct.unpack_from(order + "III", index, at)
            place = base + offset
            is_image = offset and bytes(data[place : place + len(_START)]) == _START
            if is_image and kind >> 16 & 0xFF != _THUMBNAIL:
                found.append(place)
    except struct.error:
        pass  # An index that leaves its segment names no images.
    return found


def _entries(index: memoryview, order: str) -> range:
    """Where in an index its entries begin. Raises struct.error."""
    (at,) = struct.unpack_from(order + "I", index, 4)
    (fields,) = struct.unpack_from(order + "H", index, at)
    for number in range(fields):
        tag, kind, count, value = struct.unpack_from(order + "HHII", index, at + 2 + 12 * number)
        if (tag, kind) == (_ENTRIES_TAG, _UNDEFINED):
            return range(value, value + count - _ENTRY + 1, _ENTRY)
    return range(0)
