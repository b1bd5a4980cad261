"""Files that take far more work than they announce, found by their structure.

A few kilobytes can hold thousands of scans, frames, pages or compressed texts,
and libvips goes through all of them to read a header; or pixels that the header
does not tell of. Each is counted here first, by a look that costs next to
nothing.
"""

from __future__ import annotations

import re

from autoquality_core.errors import InvalidImage
from autoquality_core.images.isobmff.heif import decoded_pixels
from autoquality_core.images.jpeg import MOST_SEGMENTS, jpeg_scans
from autoquality_core.images.limits import ImageLimits
from autoquality_core.images.png.work import MOST_CHUNKS, MOST_PIXEL_CHUNKS, png_chunks
from autoquality_core.images.tiff import tiff_pages
from autoquality_core.types import Data

_MOST_SCANS = 100
"""Of a JPEG. libjpeg goes over the whole image for each."""

_FULL_SCANS = 20
"""Of a JPEG as large as the limit on pixels; smaller ones may have more, in proportion. libjpeg's
own script makes 10 scans, and the best that mozjpeg's search can find has 16."""

_MOST_TEXTS = 100
"""Compressed ones of a PNG."""

_MOST_UNFOLDED = 16 * 2**20
"""Bytes that the compressed texts and profiles of a PNG have together. libpng decompresses each
several times."""

_MOST_TAGS = 256
"""Of a page of a TIFF. libtiff takes quadratic time for tags that it does not know."""

_MOST_TAGS_TOGETHER = 2**16
"""Of all pages of a TIFF."""


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
        _check_tiff(data, limits, field)
    elif name == "png":
        _check_png(data, field)
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


def _check_png(data: Data, field: str) -> None:
    found = png_chunks(data, _MOST_TEXTS, _MOST_UNFOLDED)
    _check(found.texts, "compressed texts or more", _MOST_TEXTS, field)
    unfolded = "bytes or more of decompressed texts and profiles"
    _check(found.unfolded, unfolded, _MOST_UNFOLDED, field)
    _check(found.chunks, "chunks without pixels or more", MOST_CHUNKS, field)
    _check(found.pixel_chunks, "chunks of pixels or more", MOST_PIXEL_CHUNKS, field)


def _check_tiff(data: Data, limits: ImageLimits, field: str) -> None:
    found = tiff_pages(data, limits.max_frames + 1, _MOST_TAGS_TOGETHER)
    _check(found.pages, "pages or more", limits.max_frames, field)
    _check(found.most_tags, "tags in a page", _MOST_TAGS, field)
    _check(found.tags, "tags or more", _MOST_TAGS_TOGETHER, field)
    # Pages may share a value, which libtiff reads again for each.
    _check(found.value_bytes, "bytes of metadata with all pages", limits.max_bytes, field)
