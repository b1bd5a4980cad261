"""The formats that are written: one module each, behind one small interface."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyvips

from autoquality_server.codecs.avif import AvifCodec
from autoquality_server.codecs.base import Codec
from autoquality_server.codecs.containers import fitting_metadata, with_metadata
from autoquality_server.codecs.fit import fitting
from autoquality_server.codecs.jpeg import BEST_MOZJPEG, JpegCodec
from autoquality_server.codecs.png import PngCodec
from autoquality_server.codecs.twins import first_twins
from autoquality_server.codecs.versions import library_versions
from autoquality_server.codecs.webp import WebpCodec, alpha_bytes
from autoquality_server.domain import EncoderOptions, Format, RawSource
from autoquality_server.image import ImageLimits, from_raw

__all__ = [
    "BEST_MOZJPEG",
    "CODECS",
    "Codec",
    "alpha_bytes",
    "first_twins",
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
