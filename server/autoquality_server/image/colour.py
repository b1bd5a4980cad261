"""Whatever colours a file has, as 8-bit sRGB or grey; or in colours of its own, with a profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_server.domain import Data
from autoquality_server.image import heif, icc, png
from autoquality_server.image.cicp import Colours, Transfer
from autoquality_server.image.clipping import SAMPLE_PIXELS, clips
from autoquality_server.image.icc import PROFILE
from autoquality_server.image.spaces import Samples, Space


@dataclass(frozen=True, slots=True)
class Said:
    """What a file says of its colours; None and None where that is sRGB, or nothing.

    There is `described` or a `profile`, never both: what goes first in the
    format. A profile that cannot be used counts for nothing, as in viewers.
    `premultiplied` says that the samples are, which libvips does not undo.
    """

    channels: int
    profile: bytes | None = None
    described: Colours | None = None
    premultiplied: bool = False

    @property
    def kept(self) -> bytes | None:
        """The profile to write with samples in these colours; None where sRGB needs none."""
        if self.described is None:
            tables = self.profile is None or icc.measured(self.profile, self.channels, 256) is None
            usable = self.channels == 3 or (self.channels == 1 and not tables)
            return self.profile if usable else None
        colours = self.described
        if colours.hdr:
            colours = replace(colours, transfer=Transfer.SRGB)
        if Space.described(colours, self.channels, 256).changes_nothing:
            return None
        return icc.profile_of(colours, self.channels)


@dataclass(frozen=True, slots=True)
class Rendered:
    """Samples of (height, width, bands), 8 bits, the profile that they need and what was done."""

    samples: npt.NDArray[np.uint8]
    profile: bytes | None = None
    tone_mapped: bool = False
    clipped: bool = False


def colour_bands(image: pyvips.Image) -> int:
    """How many of the image's bands are colour: 1 grey, 3, or 4 CMYK."""
    if image.interpretation == "cmyk":
        return 4
    grey = image.interpretation in ("b-w", "grey16") or image.bands < 3
    return 1 if grey else 3


def said(data: Data, name: str, header: pyvips.Image) -> Said:
    """What a file of format `name` says of its colours; libvips has read its header."""
    channels = colour_bands(header)
    profile = header.get(PROFILE) if header.get_typeof(PROFILE) else None
    meaningless = header.interpretation not in _DEVICE | {"multiband", "cmyk"}
    if profile is not None and (meaningless or not _usable(profile, channels)):
        profile = None
    described, first, premultiplied = None, False, False
    if name == "png":
        found = png.described(data)
        described, first = found.colours, found.first
    elif name in ("avif", "heif"):
        meaning = heif.meaning(data)
        described, premultiplied = meaning.colours, meaning.premultiplied
        first = described is not None and described.hdr  # the profile is for viewers without HDR
    if profile is not None and not first:
        described = icc.hdr_colours(profile)
        profile = profile if described is None else None
    elif first:
        profile = None
    return Said(channels, profile, described, premultiplied)


def render(source: pyvips.Image | Samples, colours: Said, *, keep: bool = False) -> Rendered:
    """Convert an image to 8-bit sRGB, or to grey where it is grey; alpha is kept.

    `source` is what libvips opened, or samples that were decoded without it. The
    result has 1 band (grey), 2 (grey and alpha), 3 or 4. With `keep` it stays in
    the colours of the file, if these are grey or RGB; HDR is mapped to SDR all
    the same. Raises pyvips.Error.
    """
    if isinstance(source, np.ndarray):
        samples = source
    else:
        image = _device(source, colours)
        if image.interpretation not in _DEVICE or image.format not in _LEVELS:
            return _by_vips(image, colours)
        samples = _samples(image)
    if colours.described is None and colours.profile is None:
        return Rendered(_narrowed(samples))
    return _converted(samples, colours, keep)


def _converted(samples: Samples, colours: Said, keep: bool) -> Rendered:
    """Grey or RGB samples whose colours a file describes, or a profile."""
    profile = colours.kept if keep else None
    hdr = colours.described is not None and colours.described.hdr
    if profile is not None and not hdr:
        return Rendered(_narrowed(_full_range(samples, colours)), profile)
    space = _space(colours, 1 << 8 * samples.itemsize)
    if space is None:  # a profile of tables
        return _by_vips(_image(samples, colours.profile), colours)
    samples = _full_range(samples, colours)
    some = _some(samples)
    if hdr:
        space = space.tone_mapped(some)
    elif space.changes_nothing:
        return Rendered(_narrowed(samples))
    if profile is not None:
        return Rendered(space.in_own_primaries().to_8_bits(samples), profile, tone_mapped=hdr)
    clipped = colours.channels == 3 and clips(space.linear(some), _alpha(some))
    return Rendered(space.to_8_bits(samples), None, hdr, clipped)


_LEVELS = {"uchar": 1 << 8, "ushort": 1 << 16}
_DEVICE = frozenset({"srgb", "rgb", "rgb16", "b-w", "grey16"})
"""The samples mean what a profile says, or else sRGB; others, such as CIELAB, mean something."""


def _device(image: pyvips.Image, colours: Said) -> pyvips.Image:
    """The image with its samples in a form that can be converted; lazily."""
    if image.bands > colours.channels + 1:
        image = image.extract_band(0, n=colours.channels + 1)
    if image.interpretation == "multiband":
        image = image.copy(interpretation=_plain(image.format, colours.channels))
    bits = image.get("bits-per-sample") if image.get_typeof("heif-compression") else 16
    if image.format == "ushort" and bits < 16:
        image = image | (image >> bits)  # libvips fills up with zeros: white would be 65472
    if colours.premultiplied and image.hasalpha():
        fmt, most = image.format, _LEVELS[image.format] - 1
        image = image.unpremultiply(max_alpha=most).rint().cast(fmt)
    return _displayable(image, colours.channels)


def _plain(fmt: str, channels: int) -> str:
    """The interpretation of samples about which the file says nothing."""
    if fmt == "ushort":
        return "grey16" if channels == 1 else "rgb16"
    return "b-w" if channels == 1 else "srgb"


def _displayable(image: pyvips.Image, channels: int) -> pyvips.Image:
    """Bring grey samples of 32 bits into a form that libvips knows how to display."""
    if image.format in ("uint", "int"):
        wide = 16 if image.format == "uint" else 15
        return (image >> wide).cast("ushort").copy(interpretation=_plain("ushort", channels))
    if channels == 1 and image.format in ("float", "double"):
        # libvips takes float RGB for linear light from 0 to 1, but float grey
        # for 0 to 255. Files hold either; their largest value tells which.
        image = image.copy_memory()
        if image.extract_band(0).max() <= 1:
            linear = image.extract_band(0).bandjoin([image.extract_band(0)] * 2)
            alpha = [image.extract_band(1)] if image.bands > 1 else []
            return linear.bandjoin(alpha).copy(interpretation="scrgb")
    return image


def _by_vips(image: pyvips.Image, colours: Said) -> Rendered:
    """Convert CMYK, profiles of tables, and colours that mean something by themselves."""
    grey = colours.channels == 1
    image = image.copy_memory()
    down, across = _steps(image.height, image.width)
    small = image.subsample(across, down)
    if colours.channels == 4:
        shown = image.icc_transform("srgb", embedded=True, input_profile="cmyk")
        lab = small.icc_import(embedded=True, input_profile="cmyk", pcs="lab")
    elif colours.profile is not None:
        shown = image.icc_transform("srgb", embedded=True, depth=8)
        lab = small.icc_import(embedded=True, pcs="lab")
    else:
        shown, lab = image, None
    if grey and colours.profile is not None:  # three equal bands
        alpha = [shown.extract_band(shown.bands - 1)] if shown.hasalpha() else []
        shown = shown.extract_band(1).bandjoin(alpha).copy(interpretation="b-w")
    shown = shown.colourspace("b-w" if grey else "srgb")
    samples = _samples(shown if shown.format == "uchar" else shown.cast("uchar"))
    if grey:
        return Rendered(samples)
    if lab is None:
        linear = small.colourspace("scrgb").numpy()[..., :3]
    else:
        linear = icc.srgb_of_lab(lab.numpy()[..., :3])
    some = samples[::down, ::across][: linear.shape[0], : linear.shape[1]]
    light = linear.reshape(-1, 3).astype(np.float32)
    return Rendered(samples, clipped=clips(light, _alpha(some.reshape(-1, some.shape[-1]))))


def _space(colours: Said, levels: int) -> Space | None:
    if colours.described is not None:
        return Space.described(colours.described, colours.channels, levels)
    profile = colours.profile
    found = None if profile is None else icc.measured(profile, colours.channels, levels)
    return None if found is None else Space.of_profile(found)


@lru_cache(maxsize=64)
def _usable(profile: bytes, channels: int) -> bool:
    """Whether lcms, or we, can make colours of a profile."""
    if channels == 4:
        return True  # libvips takes its own where this one is of no use
    if not icc.fits(profile, channels):
        return False
    if icc.measured(profile, channels, 256) is not None:
        return True
    image = pyvips.Image.black(1, 1, bands=channels).copy(interpretation=_plain("uchar", channels))
    image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    try:
        image.icc_transform("srgb", embedded=True).avg()
    except pyvips.Error:
        pyvips.vips_lib.vips_error_clear()
        return False
    return True


def _samples(image: pyvips.Image) -> Samples:
    kind = np.uint8 if image.format == "uchar" else np.uint16
    samples = np.frombuffer(image.write_to_memory(), kind)
    return samples.reshape(image.height, image.width, image.bands)


def _image(samples: Samples, profile: bytes | None) -> pyvips.Image:
    """The libvips view of samples."""
    image = pyvips.Image.new_from_array(samples)
    fmt = "uchar" if samples.itemsize == 1 else "ushort"
    image = image.copy(interpretation=_plain(fmt, 1 if samples.shape[-1] < 3 else 3))
    if profile is not None:
        image.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    return image


def _narrowed(samples: Samples) -> npt.NDArray[np.uint8]:
    """8 bits, rounded."""
    if samples.dtype == np.uint8:
        return samples
    rows = samples.reshape(samples.shape[0], -1)
    narrow = cv2.convertScaleAbs(rows, alpha=1 / 257)
    return np.asarray(narrow, np.uint8).reshape(samples.shape)


def _full_range(samples: Samples, colours: Said) -> Samples:
    """Stretch the colours of samples that keep room below black and above white."""
    if colours.described is None or not colours.described.narrow:
        return samples
    levels = 1 << 8 * samples.itemsize
    unit = levels // 256
    stretched = (np.arange(levels) - 16 * unit) * ((levels - 1) / (219 * unit))
    table = np.clip(stretched, 0, levels - 1).round().astype(samples.dtype)
    full = samples.copy()
    full[..., : colours.channels] = table[samples[..., : colours.channels]]
    return full


def _steps(height: int, width: int) -> tuple[int, int]:
    """How far apart the pixels are that stand for all."""
    step = max(1, int((height * width / SAMPLE_PIXELS) ** 0.5))
    return min(step, height), min(step, width)


def _some(samples: Samples) -> Samples:
    """Evenly spread pixels: (n, bands)."""
    down, across = _steps(*samples.shape[:2])
    return np.ascontiguousarray(samples[::down, ::across]).reshape(-1, samples.shape[-1])


def _alpha(pixels: Samples) -> Samples | None:
    return pixels[:, -1] if pixels.shape[-1] in (2, 4) else None
