"""The formats that are written: one module each, with its options, behind one interface.

To add a format, write a module with an options class and an `Encoder`, and add both here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from types import MappingProxyType
from typing import Any

import numpy as np

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats.avif import AvifEncoder as AvifEncoder
from autoquality_core.formats.avif import AvifOptions as AvifOptions
from autoquality_core.formats.base import Encoder as Encoder
from autoquality_core.formats.base import Option as Option
from autoquality_core.formats.base import options_of as options_of
from autoquality_core.formats.base import updated as updated
from autoquality_core.formats.containers import fitting_metadata as fitting_metadata
from autoquality_core.formats.containers import with_metadata as with_metadata
from autoquality_core.formats.jpeg import BEST_MOZJPEG as BEST_MOZJPEG
from autoquality_core.formats.jpeg import JpegEncoder as JpegEncoder
from autoquality_core.formats.jpeg import JpegOptions as JpegOptions
from autoquality_core.formats.jxl import JxlEncoder as JxlEncoder
from autoquality_core.formats.jxl import JxlOptions as JxlOptions
from autoquality_core.formats.jxl import JxlTranscoder as JxlTranscoder
from autoquality_core.formats.png import PngEncoder as PngEncoder
from autoquality_core.formats.png import PngOptions as PngOptions
from autoquality_core.formats.stripping import stripped as stripped
from autoquality_core.formats.webp import WebpEncoder as WebpEncoder
from autoquality_core.formats.webp import WebpOptions as WebpOptions
from autoquality_core.formats.webp import WebpPreset as WebpPreset
from autoquality_core.images import Pixels
from autoquality_core.runtime.codecs import jpegxl, libavif, pyvips
from autoquality_core.types import ColorProfile, Format

ENCODERS: Mapping[Format, type[Encoder]] = MappingProxyType(
    {one.format: one for one in (JpegEncoder, WebpEncoder, AvifEncoder, PngEncoder, JxlEncoder)}
)
"""Every format, with its encoder. `writable` has those that this machine can write."""

WITH_QUALITY = tuple(fmt for fmt, encoder in ENCODERS.items() if encoder.has_quality)
"""The formats whose quality can be searched, and predicted by a network."""

OPTIONS: Mapping[Format, type[Any]] = MappingProxyType(
    {fmt: type(encoder().options) for fmt, encoder in ENCODERS.items()}
)
"""The class of each format's options."""


@dataclass(frozen=True, slots=True)
class EncoderOptions:
    """The options of every format, named as the format, and how the source is used.

    `min_width` is in pixels, 1 or more.
    """

    jpeg: JpegOptions = JpegOptions()
    webp: WebpOptions = WebpOptions()
    avif: AvifOptions = AvifOptions()
    png: PngOptions = PngOptions()
    jxl: JxlOptions = JxlOptions()
    background: tuple[int, int, int] = (255, 255, 255)
    keep_metadata: bool = False
    keep_copyright: bool = True
    color_profile: ColorProfile = ColorProfile.SRGB
    keep_hidden_colors: bool = False
    allow_truncated: bool = False
    keep_smaller_source: bool = False
    cap_at_source: bool = False
    may_shrink: bool = False
    min_width: int = 1


def encoder_for(fmt: Format, options: EncoderOptions | None = None) -> Encoder:
    """The encoder of a format, bound to its options, by default the default ones."""
    make: Any = ENCODERS[fmt]
    encoder: Encoder = make() if options is None else make(getattr(options, fmt.value))
    return encoder


@cache
def writable() -> tuple[Format, ...]:
    """The formats that can be written here: each encodes small images on the first call."""
    found = []
    for fmt, encoder in ENCODERS.items():
        with suppress(pyvips.Error, RuntimeError, AttributeError, ImportError):
            # Another library may write those with alpha.
            for bands in (1, 2) if encoder.keeps_alpha else (1,):
                pixels = Pixels(np.zeros((1, 16, 16, bands), np.uint8))
                encoder_for(fmt).encode(pixels, 50)
            found.append(fmt)
    return tuple(found)


def substitute(requested: Format, width: int, height: int, *, has_alpha: bool) -> Format:
    """The format to write for an image that was requested as `requested`.

    AVIF with a side under 16 pixels becomes PNG where there is alpha, else JPEG. Raises
    InvalidRequest if a side is longer than the format allows (reason IMAGE_TOO_LARGE), and for
    a format that cannot be written here.
    """
    fmt = requested
    encoder = _writable_encoder(fmt)
    if min(width, height) < encoder.min_side:
        fmt = Format.PNG if has_alpha else Format.JPEG
        encoder = _writable_encoder(fmt)
    if max(width, height) > encoder.max_side:
        raise InvalidRequest(
            "format",
            f"{encoder.name} holds at most {encoder.max_side} pixels a side,"
            f" the image is {width}x{height}; choose another format",
            reason="IMAGE_TOO_LARGE",
        )
    return fmt


def _writable_encoder(fmt: Format) -> type[Encoder]:
    if fmt not in writable():
        able = ", ".join(ENCODERS[one].name for one in writable())
        raise InvalidRequest(
            "format", f"{ENCODERS[fmt].name} cannot be written here; choose {able}"
        )
    return ENCODERS[fmt]


@cache
def library_versions() -> dict[str, str]:
    """The versions of the libraries that decide bytes and pixels, by name.

    pyvips-binary, where libvips comes from it, stands for the encoders (mozjpeg, libwebp,
    libaom ...): a release of it pins them all, and they do not report their own versions.
    """
    versions = {
        "libvips": ".".join(str(pyvips.version(part)) for part in range(3)),
        "pyvips": pyvips.__version__,
    }
    with suppress(metadata.PackageNotFoundError):  # libvips may be the system's
        versions["pyvips-binary"] = metadata.version("pyvips-binary")
    with suppress(ImportError):  # there are not wheels for every kind of machine
        versions["libjxl"] = jpegxl.jpegxl_version().removeprefix("libjxl ")
        versions["libavif"] = libavif.avif_version().removeprefix("libavif ")
        versions["imagecodecs"] = metadata.version("imagecodecs")
    return versions
