"""Refuse files that take far more work than their headers announce, by their structure.

A few kilobytes can hold thousands of scans, frames, pages or compressed texts. libvips
reads all of them to open a file. Here they are counted first, at almost no cost.
"""

from __future__ import annotations

import re

from autoquality_core.images.jpeg import MOST_SEGMENTS, count_scans
from autoquality_core.images.limits import ImageLimits, check_count
from autoquality_core.images.png.chunks import MOST_CHUNKS, MOST_PIXEL_CHUNKS, count_chunks
from autoquality_core.images.tiff import count_pages
from autoquality_core.types import Data

_MOST_SCANS = 100
"""Of a JPEG. libjpeg processes the whole image for each."""

_FULL_SCANS = 20
"""Of a JPEG as large as the limit on pixels; smaller ones may have more, in proportion. libjpeg's
own script makes 10 scans, and the best that mozjpeg's search can find has 16."""

_MOST_TEXTS = 100
"""Compressed texts of a PNG."""

_MOST_DECOMPRESSED = 16 * 2**20
"""Bytes of all compressed texts and profiles of a PNG. libpng decompresses each several times."""

_MOST_TAGS = 256
"""Of a page of a TIFF. libtiff takes quadratic time for tags that it does not know."""

_MOST_TAGS_IN_ALL = 2**16
"""Of all pages of a TIFF."""


def check_structure(data: Data, name: str, limits: ImageLimits, field: str) -> None:
    """Check a file of format `name`, as `sniff` found it.

    Raises InvalidImage, with the reason IMAGE_TOO_LARGE, for more work than `limits`
    or this module allow.
    """
    if name == "webp":
        # The data may be a memoryview, which has no `count`.
        frames = sum(1 for _ in re.finditer(b"ANMF", data))
        check_count(field, "frames", frames, limits.max_frames)
    elif name == "tiff":
        _check_tiff(data, limits, field)
    elif name == "png":
        _check_png(data, field)
    elif name == "jpeg":
        _check_jpeg(data, limits, field)


def _check_jpeg(data: Data, limits: ImageLimits, field: str) -> None:
    found = count_scans(data)
    check_count(field, "segments or more", found.segments, MOST_SEGMENTS)
    most = _FULL_SCANS * limits.max_pixels // max(found.pixels, 1)
    if found.scans > _FULL_SCANS:
        what = f"scans of {found.pixels} pixels" if most < _MOST_SCANS else "scans"
        check_count(field, what, found.scans, min(most, _MOST_SCANS))


def _check_png(data: Data, field: str) -> None:
    found = count_chunks(data, _MOST_TEXTS, _MOST_DECOMPRESSED)
    check_count(field, "compressed texts or more", found.texts, _MOST_TEXTS)
    decompressed = "bytes or more of decompressed texts and profiles"
    check_count(field, decompressed, found.decompressed, _MOST_DECOMPRESSED)
    check_count(field, "chunks without pixels or more", found.others, MOST_CHUNKS)
    check_count(field, "chunks of pixels or more", found.pixels, MOST_PIXEL_CHUNKS)


def _check_tiff(data: Data, limits: ImageLimits, field: str) -> None:
    found = count_pages(data, limits.max_frames + 1, _MOST_TAGS_IN_ALL)
    check_count(field, "pages or more", found.pages, limits.max_frames)
    check_count(field, "tags in a page", found.most_tags, _MOST_TAGS)
    check_count(field, "tags or more", found.tags, _MOST_TAGS_IN_ALL)
    # Pages may share a value, which libtiff reads again for each.
    metadata = "bytes of metadata with all pages"
    check_count(field, metadata, found.value_bytes, limits.max_bytes)
