"""The header of a plain JPEG, read without libvips, which takes several times as long.

A file is plain if its header has one frame and nothing else that decides how it looks: no profile,
no further image, and no EXIF block with another orientation than upright. Wrong tables and samples
show when the file is decoded.
"""

from __future__ import annotations

from typing import NamedTuple

from autoquality_core.images.jpeg import GAIN_MAPS, SEQUENTIAL, SingleScan, segments
from autoquality_core.images.metadata.exif import Tiff
from autoquality_core.types import Data

_MOST_SIDE = 65500
"""libjpeg's JPEG_MAX_DIMENSION."""

_APP1 = 0xE1
# DHT, DQT, DRI, APP0 (JFIF), APP14 (Adobe) and comments.
_OTHERS = frozenset({0xC4, 0xDB, 0xDD, 0xE0, 0xEE, 0xFE})

_EXIF = b"Exif\0\0"
_ORIENTATION = 0x0112
_UPRIGHT = (3, 1, 1)
"""Type (16 bits), count and value."""


class PlainHeader(NamedTuple):
    """The sides in pixels, 1 channel (grey) or 3, and the EXIF block, empty without one."""

    width: int
    height: int
    channels: int
    exif: bytes = b""


def read_plain_header(data: Data, scan: SingleScan) -> PlainHeader | None:
    """The header of a plain JPEG with this single scan; None for any other file."""
    frame = exif = b""
    for code, _, content in segments(memoryview(data), 0):
        block = bytes(content)
        if code in SEQUENTIAL and not frame:
            frame = block
        elif code == _APP1 and not exif and _says_upright(block):
            exif = block
        elif code not in _OTHERS:
            return None
    width, height, channels = scan
    known = channels in (1, 3) and len(frame) == 6 + 3 * channels
    if not known or not 0 < min(width, height) <= max(width, height) <= _MOST_SIDE:
        return None
    return PlainHeader(width, height, channels, exif)


def _says_upright(block: bytes) -> bool:
    """Whether this is an EXIF block without another orientation, and without a gain map."""
    tiff = Tiff.of(block[len(_EXIF) :]) if block.startswith(_EXIF) else None
    if tiff is None or tiff.big or any(words in block for _, words in GAIN_MAPS):
        return False
    entry = tiff.first.entries.get(_ORIENTATION)
    return entry is None or (entry.kind, entry.count, tiff.number(entry)) == _UPRIGHT
