"""Which format can hold an image."""

from __future__ import annotations

from collections.abc import Mapping

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats.base import Codec
from autoquality_core.types import Format

_NAMES = {Format.JPEG: "JPEG", Format.WEBP: "WebP", Format.AVIF: "AVIF", Format.PNG: "PNG"}


def fitting(
    codecs: Mapping[Format, Codec], asked: Format, width: int, height: int, *, has_alpha: bool
) -> Format:
    """See `codecs.substitute`."""
    fmt = asked
    codec = _codec(codecs, fmt)
    if min(width, height) < codec.min_side:
        fmt = Format.PNG if has_alpha else Format.JPEG
        codec = _codec(codecs, fmt)
    if max(width, height) > codec.max_side:
        raise InvalidRequest(
            "format",
            f"{_NAMES[fmt]} holds at most {codec.max_side} pixels a side,"
            f" the image is {width}x{height}; choose another format",
            reason="IMAGE_TOO_LARGE",
        )
    return fmt


def _codec(codecs: Mapping[Format, Codec], fmt: Format) -> Codec:
    if fmt not in codecs:
        able = ", ".join(_NAMES[one] for one in codecs)
        raise InvalidRequest("format", f"{_NAMES[fmt]} cannot be written here; choose {able}")
    return codecs[fmt]
