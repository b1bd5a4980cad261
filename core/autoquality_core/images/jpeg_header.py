"""The header of a plain JPEG, read without libvips, which takes fifteen times as long.

A file is plain if nothing in its header but one frame decides how it looks. There is no profile and
no further image, and an EXIF block says nothing of the orientation, or that the image is
upright. Every segment begins where the one before ends, so that libjpeg finds the same segments.
What is wrong with tables and samples shows when the file is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from autoquality_core.images.jpeg import GAIN_MAPS, SEQUENTIAL
from autoquality_core.types import Data

_MOST_SEGMENTS = 64
_MOST_SIDE = 65500
"""libjpeg's JPEG_MAX_DIMENSION."""

_SCAN, _APP1 = 0xDA, 0xE1
# DHT, DQT, DRI, APP0 (JFIF), APP14 (Adobe) and comments.
_OTHERS = frozenset({0xC4, 0xDB, 0xDD, 0xE0, 0xEE, 0xFE})

_EXIF = b"Exif\0\0"
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION = 0x0112
_UPRIGHT = (3, 1, 1)
"""Type (16 bits), count and value."""


class PlainHeader(NamedTuple):
    """The sides in pixels, 1 channel (grey) or 3, and the EXIF block, empty without one."""

    width: int
    height: int
    channels: int
    exif: bytes = b""


class _NotPlainError(Exception):
    """The file may be anything."""


def read_plain_header(data: Data) -> PlainHeader | None:
    """The header of a plain JPEG with a single scan; None for any other file."""
    try:
        return _plain_header(data)
    except (_NotPlainError, struct.error):
        return None


def _plain_header(data: Data) -> PlainHeader:
    found: PlainHeader | None = None
    exif = b""
    for code, content in _segments(data):
        if code == _SCAN and found is not None:
            if (len(content), content[0]) != (4 + 2 * found.channels, found.channels):
                raise _NotPlainError
            return found._replace(exif=exif)
        if code in SEQUENTIAL and found is None:
            found = _frame(content)
        elif code == _APP1 and not exif and _says_upright(content):
            exif = content
        elif code not in _OTHERS:
            raise _NotPlainError
    raise _NotPlainError


def _segments(data: Data) -> Iterator[tuple[int, bytes]]:
    """Code and content of each segment."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        marker, code, length = struct.unpack_from(">BBH", data, at)
        start, at = at + 4, at + 2 + length
        if marker != 0xFF or length < 3 or at > len(data):
            return
        yield code, bytes(data[start:at])


def _frame(content: bytes) -> PlainHeader:
    precision, height, width, channels = struct.unpack_from(">BHHB", content)
    known = precision == 8 and channels in (1, 3) and len(content) == 6 + 3 * channels
    if not known or not 0 < min(width, height) <= max(width, height) <= _MOST_SIDE:
        raise _NotPlainError
    return PlainHeader(width, height, channels)


def _says_upright(block: bytes) -> bool:
    """Whether this is an EXIF block without another orientation, and without a gain map."""
    order = _ORDERS.get(block[6:10])
    if block[:6] != _EXIF or order is None or any(words in block for _, words in GAIN_MAPS):
        return False
    tiff = block[6:]
    (offset,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    entries = tiff[offset + 2 : offset + 2 + 12 * count]
    if len(entries) < 12 * count:
        return False
    return all(
        tag != _ORIENTATION or (kind, values, value) == _UPRIGHT
        for tag, kind, values, value in struct.iter_unpack(order + "HHIHxx", entries)
    )
