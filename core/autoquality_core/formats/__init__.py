"""The formats that are written: one module each, behind one small interface."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyvips

from autoquality_core.formats.avif import AvifCodec
from autoquality_core.formats.base import Codec
from autoquality_core.formats.containers import fitting_metadata, with_metadata
from autoquality_core.formats.equivalents import equivalents
from autoquality_core.formats.fit import fitting
from autoquality_core.formats.jpeg import BEST_MOZJPEG, JpegCodec
from autoquality_core.formats.png import PngCodec
from autoquality_core.formats.versions import library_versions
from autoquality_core.formats.webp import WebpCodec, alpha_bytes
from autoquality_core.images import ImageLimits, from_raw
from autoquality_core.types import EncoderOptions, Format, RawSource

__all__ = [
    "BEST_MOZJPEG",
    "CODECS",
    "Codec",
    "alpha_bytes",
    "equivalents",
    "fitting_metadata",
    "library_versions",
    "substitute",
    "with_metadata",
]


def _writable() -> Mapping[Format, Codec]:
    """The codecs that this libvips really has: each writes a small image."""
    side = 16
    grey = RawSource(side, side, 1, bytes(side * side))
    pixels = from_raw(grey, ImageLimits(max_bytes=side * side, max_pixels=side * side))
    codecs: dict[Format, Codec] = {}
    for codec in (JpegCodec(), WebpCodec(), AvifCodec(), PngCodec()):
        try:
            codec.encode(pixels, 50, EncoderOptions())
        except (pyvips.Error, AttributeError):
            continue
        codecs[codec.format] = codec
    return MappingProxyType(codecs)


CODECS: Mapping[Format, Codec] = _writable()
"""The formats that can be written, each with its codec."""


def substitute(asked: Format, width: int, height: int, *, has_alpha: bool) -> Format:
    """The format to write for an image that is to be `asked`.

    AVIF with a side under 16 pixels becomes PNG where there is alpha, else
    JPEG. Raises InvalidRequest where a side is longer than the format allows
    (reason IMAGE_TOO_LARGE), and for a format that cannot be written here.
    """
    return fitting(CODECS, asked, width, height, has_alpha=has_alpha)
