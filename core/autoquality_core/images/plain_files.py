"""Plain files decoded by imagecodecs, which is faster or more faithful than libvips.

JPEG: both use libjpeg-turbo and make the same samples; libvips takes twice the time.

WebP: libvips calls libwebp in a way that takes five times as long for the same pixels.

AVIF: libheif, behind libvips, repeats each chroma sample of 4:2:0 over two by two pixels, shows
grey of limited range too pale, and does not turn alpha with the colours. libavif, behind
imagecodecs, does what browsers do.

All functions return None for files that are not plain, are damaged, or differ from the
size given. libvips then decodes or refuses them. dav1d, behind libavif, does not notice
every wrong byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.isobmff.plain_avif import read_plain
from autoquality_core.images.jpeg import SingleScan
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.codecs import jpeg8, libwebp
from autoquality_core.types import Data

_MOST_PIXELS = 50_000_000
"""Of a JPEG. The decoder cannot be stopped, and takes up to half a second for so many."""

_PLAIN_WEBP = re.compile(rb"RIFF....WEBPVP8 ", re.DOTALL)
"""Without the chunk VP8X, a file holds one lossy picture: no alpha, profile, Exif or animation."""


def decode_plain_jpeg(
    data: Data, scan: SingleScan, width: int, height: int, bands: int
) -> Bytes | None:
    """The samples of a JPEG with a single scan: (1, height, width, bands), grey or RGB.

    libvips refuses damage to other files that imagecodecs accepts. Orientation and profile are not
    applied.
    """
    usable = bands in (1, 3) and width * height <= _MOST_PIXELS
    if not usable or scan != (width, height, bands):
        return None
    return jpeg_samples(data, width, height, bands)


def jpeg_samples(data: Data, width: int, height: int, bands: int) -> Bytes | None:
    """As `decode_plain_jpeg`, for a sound file of any kind and size."""
    return _decoded(jpeg8.jpeg8_decode, data, width, height, bands)


def decode_plain_webp(data: Data, width: int, height: int) -> Bytes | None:
    """The samples of a lossy WebP without alpha or metadata: (1, height, width, 3), RGB."""
    return webp_samples(data, width, height, 3) if _PLAIN_WEBP.match(data) else None


def webp_samples(data: Data, width: int, height: int, bands: int) -> Bytes | None:
    """The samples of a sound WebP of one frame, RGB, or RGB and alpha: as `decode_plain_webp`."""
    return _decoded(libwebp.webp_decode, data, width, height, bands)


def decode_plain_avif(data: Data, width: int, height: int, bands: int) -> Samples | None:
    """The samples of a plain AVIF, upright: (1, height, width, bands), 8 or 16 bits.

    `bands` is 1 (grey) or 3 (RGB), and one more with alpha. A file is plain if it has one image,
    coded in one piece, with or without alpha (which may be premultiplied: libavif undoes
    that). It must not be cropped, and have no thumbnails, gain maps or
    further images. Exif, XMP and an ICC profile may be there; none is applied.

    Uses one thread; `configure` has no effect on it.
    """
    try:
        plain = read_plain(data)
        fits = (*plain.sides, plain.bands) == (width, height, bands)
        return plain.decode(data) if fits else None
    except ValueError:
        return None


def _decoded(
    decode: Callable[..., Any], data: Data, width: int, height: int, bands: int
) -> Bytes | None:
    """The samples of a file. None if it is damaged, or of another shape."""
    samples = np.empty((1, height, width, bands), np.uint8)
    try:
        decode(data, out=samples[0] if bands > 1 else samples[0, ..., 0])
    except (RuntimeError, ValueError):
        return None
    return samples
