"""Files that take far more work than they announce, found by their structure.

A few kilobytes can hold thousands of scans, frames, pages or compressed texts,
and libvips goes through all of them to read a header; or pixels that the header
does not tell of. Each is counted here first, by a look that costs next to
nothing.
"""

from __future__ import annotations

import re
import struct

from autoquality_server.domain import Data
from autoquality_server.errors import InvalidImage
from autoquality_server.image.heif import decoded_pixels
from autoquality_server.image.jpeg import MOST_SEGMENTS, jpeg_scans
from autoquality_server.image.limits import ImageLimits

_MOST_SCANS = 100
"""Of a JPEG. libjpeg goes over the whole image for each."""

_FULL_SCANS = 20
"""Of a JPEG as large as the limit on pixels; smaller ones may have more, in proportion. libjpeg's
own script makes 10 scans, and the best that mozjpeg's search can find has 16."""

_MOST_TEXTS = 100
"""Compressed ones of a PNG: each unfolds to megabytes, and is thrown away."""


def check_structure(data: Data, name: str, limits: ImageLimits, field: str) -> int:
    """How many pixels the decoder makes that the header of `data` may not tell of; mostly 0.

    `name` is the format that was sniffed. Raises InvalidImage, with the reason
    IMAGE_TOO_LARGE for more than `limits` or this module allows.
    """
    if name in ("avif", "heif"):
        return _check_heif(data, name, limits, field)
    if name == "webp":
        _check(_count(data, b"ANMF"), "frames", limits.max_frames, field)
    elif name == "tiff":
        most = limits.max_frames
        _check(_pages(data, most + 1), "pages or more", most, field)
    elif name == "png":
        texts = _count(data, b"zTXt") + _count(data, b"iTXt")
        _check(texts, "compressed texts", _MOST_TEXTS, field)
    elif name == "jpeg":
        _check_jpeg(data, limits, field)
    return 0


def _count(data: Data, what: bytes) -> int:
    """How often `what` stands in `data`, which need not be bytes."""
    return sum(1 for _ in re.finditer(re.escape(what), data))


def _check(count: int, what: str, most: int, field: str) -> None:
    if count > most:
        message = f"has {count} {what}; at most {most} are accepted"
        raise InvalidImage(field, message, reason="IMAGE_TOO_LARGE")


def _check_heif(data: Data, name: str, limits: ImageLimits, field: str) -> int:
    try:
        pixels = decoded_pixels(data)
    except ValueError:
        raise InvalidImage(
            field, f"cannot be decoded as {name.upper()}: damaged, truncated or of an unusual kind"
        ) from None
    _check(pixels, "pixels with all parts", limits.max_pixels, field)
    return pixels


def _check_jpeg(data: Data, limits: ImageLimits, field: str) -> None:
    found = jpeg_scans(data)
    _check(found.segments, "segments or more", MOST_SEGMENTS, field)
    most = _FULL_SCANS * limits.max_pixels // max(found.pixels, 1)
    if found.scans > _FULL_SCANS:
        size = f"scans of {found.pixels} pixels"
        _check(found.scans, size if most < _MOST_SCANS else "scans", min(most, _MOST_SCANS), field)


def _pages(data: Data, most: int) -> int:
    """Directories of a TIFF, which are a chain, of a ring each once; at most `most` are counted."""
    order = "<" if data[:1] == b"I" else ">"
    big = b"+" in bytes(data[2:4])
    offset, number, count_size, entry_size = (8, "Q", 8, 20) if big else (4, "I", 2, 12)
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(order + number, data, offset)
        while at and at not in seen and len(seen) < most:
            seen.add(at)
            (entries,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
            (at,) = struct.unpack_from(order + number, data, at + count_size + entry_size * entries)
    except (struct.error, OverflowError):
        pass  # The chain leaves the file: libtiff will say so.
    return len(seen)
