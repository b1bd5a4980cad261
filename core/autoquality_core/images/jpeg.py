"""How often a JPEG goes over its pixels, found by its markers (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autoquality_core.types import Data

# Markers that a segment follows, and the start and end of an image. libjpeg skips everything
# else between segments: stray and fill bytes, stuffed zeros, and the markers that stand alone
# (TEM, RSTn) or are reserved (02 to BF).
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOFn: not DHT, JPG and DAC, which lie between them."""

MOST_SEGMENTS = 10_000
"""A 64 MiB file of metadata alone has some 1,000 of them."""


@dataclass(frozen=True, slots=True)
class JpegScans:
    """The scans of the first image of a file, and the pixels of its frame.

    `pixels` is 0 without a frame header. Counting ends once there are more than
    MOST_SEGMENTS `segments`.
    """

    scans: int
    pixels: int
    segments: int


def jpeg_scans(data: Data) -> JpegScans:
    """Count the scans up to the end of the first image, which is all that libjpeg decodes.

    The count is never below what libjpeg decodes. Where libjpeg rejects a file
    (a second frame header, a hierarchical image), it may be above.
    """
    at = scans = pixels = segments = 0
    while segments <= MOST_SEGMENTS:
        marker = _MARKER.search(data, at)
        if marker is None:
            break
        at, code = marker.end(), marker.group()[1]
        if code == _END:
            break
        if code == _START:
            continue
        segments += 1
        scans += code == _SCAN
        if code in _FRAMES:
            height, width = _number(data, at + 3), _number(data, at + 5)
            pixels = max(pixels, width * height)
        at += max(2, _number(data, at))  # a shorter length counts as 2: itself
    return JpegScans(scans, pixels, segments)


def _number(data: Data, at: int) -> int:
    """The 16 bits at `at`, or what there is of them."""
    return int.from_bytes(data[at : at + 2], "big")
