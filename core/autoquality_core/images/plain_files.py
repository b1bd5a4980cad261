"""Plain files decoded by OpenCV, which is faster or more faithful than libvips.

JPEG: both use libjpeg-turbo and make the same samples; libvips takes twice the time.

WebP: libvips calls libwebp in a way that takes five times as long for the same pixels.

AVIF: libheif, behind libvips, repeats each chroma sample of 4:2:0 over two by two pixels.
libavif, behind OpenCV, interpolates between them, as browsers do.

All functions return None for files that are not plain, are damaged, or differ from the
size given. libvips then decodes or refuses them.
"""

from __future__ import annotations

import re
import struct

import numpy as np
import numpy.typing as npt

from autoquality_core.images.isobmff.plain_avif import without_metadata
from autoquality_core.images.jpeg import has_one_scan
from autoquality_core.images.libvips import ensure_configured
from autoquality_core.runtime.codecs import cv2
from autoquality_core.types import Data

Samples = npt.NDArray[np.uint8]

_MOST_PIXELS = 50_000_000
"""Of a JPEG. OpenCV cannot be stopped, and takes up to half a second for so many."""

_PLAIN_WEBP = re.compile(rb"RIFF....WEBPVP8 ", re.DOTALL)
"""Without the chunk VP8X, a file holds one lossy picture: no alpha, profile, Exif or animation."""


def decode_plain_jpeg(data: Data, width: int, height: int, bands: int) -> Samples | None:
    """The samples of a JPEG: (1, height, width, bands), grey or RGB.

    The file must have a single scan, because libvips refuses damage to others that
    OpenCV accepts. Orientation and profile are not applied.
    """
    if bands not in (1, 3) or width * height > _MOST_PIXELS or not has_one_scan(data):
        return None
    colours = cv2.IMREAD_COLOR_RGB if bands == 3 else cv2.IMREAD_GRAYSCALE
    shape = (height, width, 3) if bands == 3 else (height, width)
    samples = _decoded(data, shape, colours | cv2.IMREAD_IGNORE_ORIENTATION)
    return None if samples is None else samples.reshape(1, height, width, bands)


def decode_plain_webp(data: Data, width: int, height: int) -> Samples | None:
    """The samples of a lossy WebP without alpha or metadata: (1, height, width, 3), RGB."""
    if _PLAIN_WEBP.match(data) is None:
        return None
    samples = _decoded(data, (height, width, 3), cv2.IMREAD_COLOR_RGB)
    return None if samples is None else samples[np.newaxis]


def decode_plain_avif(data: Data, width: int, height: int, bands: int) -> Samples | None:
    """The samples of a plain AVIF: (1, height, width, bands), 8-bit RGB, or RGB and alpha.

    `bands` is 3 or 4. A file is plain if it has one image in 8-bit colours, coded in
    one piece, with or without alpha (which may be premultiplied: libavif undoes
    that). It must not be rotated or cropped, and have no thumbnails, gain maps or
    further images. Exif, XMP and an ICC profile may be there; none is applied.

    Uses one thread; `configure` has no effect on it.
    """
    try:
        visible = without_metadata(data, (width, height), alpha=bands == 4)
    except (ValueError, struct.error):
        return None
    samples = _decoded(visible, (height, width, bands), cv2.IMREAD_UNCHANGED)
    if samples is None:
        return None
    order = cv2.COLOR_BGR2RGB if bands == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(samples, order), np.uint8)[np.newaxis]


def _decoded(data: Data, shape: tuple[int, ...], flags: int) -> Samples | None:
    ensure_configured()
    try:
        samples = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if samples is None or samples.shape != shape or samples.dtype != np.uint8:
        return None
    return np.asarray(samples, np.uint8)
