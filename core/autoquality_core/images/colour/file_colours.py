"""The colours that a file declares, by the rules of precedence of its format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from autoquality_core.images.colour import icc
from autoquality_core.images.colour.cicp import Colours, Transfer
from autoquality_core.images.colour.icc import PROFILE
from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.colour.spaces import Space
from autoquality_core.images.isobmff.meta import Meta
from autoquality_core.images.jxl.file import Jxl
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.images.png.chunks import read_colours, read_profile
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.types import Data

DEVICE = frozenset({"srgb", "rgb", "rgb16", "b-w", "grey16"})
"""Samples whose colours a profile defines; without one, they are sRGB. Others, such as CIELAB, need
no profile."""


@dataclass(frozen=True, slots=True)
class FileColours:
    """The colours of a file: `profile` or `described` is set, neither for sRGB.

    Never both: the format says which takes precedence. A profile that cannot be used
    is ignored, as viewers do. `premultiplied` says that the samples are multiplied by
    alpha, which libvips does not undo.
    """

    channels: int
    profile: bytes | None = None
    described: Colours | None = None
    premultiplied: bool = False

    @property
    def kept(self) -> bytes | None:
        """The profile to write with samples in these colours; None for sRGB."""
        if self.described is None:
            tables = self.space(256) is None
            usable = self.channels == 3 or (self.channels == 1 and not tables)
            return self.profile if usable else None
        colours = self.described
        if colours.hdr:
            colours = replace(colours, transfer=Transfer.SRGB)
        if Space.described(colours, self.channels, 256).changes_nothing:
            return None
        return icc.profile_of(colours, self.channels)

    @property
    def in_srgb(self) -> bool:
        """Whether the samples are grey or RGB in sRGB, as they are."""
        if self.described is not None and (self.described.hdr or self.described.narrow):
            return False
        space = self.space(256)
        known = self.described is None and self.profile is None
        return self.channels in (1, 3) and (known if space is None else space.changes_nothing)

    def space(self, levels: int) -> Space | None:
        """The conversion of samples of `levels`; None for sRGB and for profiles of tables."""
        if self.described is not None:
            return Space.described(self.described, self.channels, levels)
        if self.profile is not None:
            return icc.space_of(self.profile, self.channels, levels)
        return None


def in_grey(image: pyvips.Image) -> pyvips.Image:
    """An AVIF without colours, which libheif makes RGB, with its grey and alpha only."""
    grey = image.extract_band(0)
    grey = grey.bandjoin(image.extract_band(3)) if image.bands > 3 else grey
    return grey.copy(interpretation=plain(image.format, 1))


def colour_bands(image: pyvips.Image) -> int:
    """How many bands of the image are colours: 1 for grey, 3 for RGB, 4 for CMYK."""
    interpretation = image.interpretation
    if interpretation == "cmyk":
        return 4
    grey = interpretation in ("b-w", "grey16") or image.bands < 3
    return 1 if grey else 3


def file_colours(
    data: Data, name: str, header: pyvips.Image, read: Meta | Jxl | None
) -> FileColours:
    """The colours of a file of format `name`, given the header that libvips has read.

    `read` has the boxes of a HEIF or AVIF, or the header of a JPEG XL.
    """
    channels = colour_bands(header)
    profile = header.get(PROFILE) if header.get_typeof(PROFILE) else None
    if profile is None and name == "png" and channels == 1:
        profile = read_profile(data)  # libpng leaves out one for RGB, which browsers apply
    profile = None if profile is None else icc.complete(profile)
    if profile is not None:
        defined = header.interpretation not in DEVICE | {"multiband", "cmyk"}
        profile = icc.in_grey(profile) if channels == 1 else profile
        profile = None if defined or not _usable(profile, channels) else profile
    described, first, premultiplied = None, False, False
    if name == "png":
        described, first = read_colours(data)
    elif isinstance(read, Jxl):
        described = read.header.described
    elif read is not None:
        described, premultiplied = read.colours(), read.premultiplied
        first = described is not None and described.hdr  # the profile is for viewers without HDR
    if profile is not None and not first:
        described = icc.hdr_colours(profile)
        profile = profile if described is None else None
    elif first:
        profile = None
    return FileColours(channels, profile, described, premultiplied)


def plain(fmt: str, channels: int) -> str:
    """The libvips interpretation of samples that a file does not describe."""
    if fmt == "ushort":
        return "grey16" if channels == 1 else "rgb16"
    return "b-w" if channels == 1 else "srgb"


def image_of(samples: Samples, profile: bytes) -> pyvips.Image:
    """A libvips view of grey or RGB samples (height, width, bands) with a profile."""
    image = pyvips.Image.new_from_array(samples)
    fmt = "uchar" if samples.itemsize == 1 else "ushort"
    image = image.copy(interpretation=plain(fmt, 1 if samples.shape[-1] < 3 else 3))
    image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    return image


def _usable(profile: bytes, channels: int) -> bool:
    """Whether the colours of samples can be computed by a profile."""
    if not icc.fits(profile, channels):
        return False
    if channels < 4 and icc.space_of(profile, channels, 256) is not None:
        return True
    usable = _usable_by_lcms
    return (usable if len(profile) <= icc.CACHED_BYTES else usable.__wrapped__)(profile, channels)


@lru_cache(maxsize=64)
def _usable_by_lcms(profile: bytes, channels: int) -> bool:
    image = image_of(np.zeros((1, 1, channels), np.uint8), profile)
    image = image.copy(interpretation="cmyk") if channels == 4 else image
    try:
        with allocation_failures():  # these are not errors of the profile
            image.icc_transform("srgb", embedded=True).avg()
    except pyvips.Error:
        pyvips.vips_lib.vips_error_clear()
        return False
    return True
