"""Rendering the pixels of any file as 8-bit sRGB or grey, or in its own colours with a profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from autoquality_core.images.colour import icc
from autoquality_core.images.colour.clipping import SAMPLE_PIXELS, clips
from autoquality_core.images.colour.file_colours import DEVICE, FileColours, image_of, plain
from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.codecs import pyvips


@dataclass(frozen=True, slots=True)
class Rendered:
    """8-bit samples (height, width, bands) and the profile to write with them, None for sRGB.

    `tone_mapped` and `clipped` say that HDR or visible colours outside sRGB were lost.
    """

    samples: Bytes
    profile: bytes | None = None
    tone_mapped: bool = False
    clipped: bool = False


def device_samples(image: pyvips.Image, colours: FileColours) -> Samples:
    """The samples of a grey or RGB image of 8 or 16 bits, in the colours of the file."""
    return _samples(_device(image, colours))


def render(source: pyvips.Image | Samples, colours: FileColours, *, keep: bool = False) -> Rendered:
    """Convert an image to 8-bit sRGB, or to grey if it is grey; alpha is kept.

    `source` was opened by libvips, or consists of samples decoded without it. The result
    has 1 band (grey), 2 (grey and alpha), 3 or 4. With `keep` it stays in the colours of
    the file, if these are grey or RGB, but HDR is always mapped to SDR. Raises
    pyvips.Error.
    """
    if isinstance(source, np.ndarray):
        samples = source
    else:
        image = _device(source, colours)
        if image.interpretation not in DEVICE or image.format not in _LEVELS:
            return _by_vips(image, colours)
        samples = _samples(image)
    return _converted(samples, colours, keep)


def _converted(samples: Samples, colours: FileColours, keep: bool) -> Rendered:
    """Convert grey or RGB samples whose colours are described, or defined by a profile."""
    profile = colours.kept if keep else None
    hdr = colours.described is not None and colours.described.hdr
    if profile is not None and not hdr:
        return Rendered(_narrowed(_full_range(samples, colours)), profile)
    space = colours.space(1 << 8 * samples.itemsize)
    if space is None:
        if colours.profile is None:
            return Rendered(_narrowed(samples))
        return _by_vips(image_of(samples, colours.profile), colours)  # a profile of tables
    samples = _full_range(samples, colours)
    down, across = _steps(*samples.shape[:2])
    some: Samples = samples[::down, ::across].reshape(-1, samples.shape[-1])
    if hdr:
        space = space.tone_mapped(some)
    elif space.changes_nothing:
        return Rendered(_narrowed(samples))
    if profile is not None:
        return Rendered(space.in_own_primaries().to_8_bits(samples), profile, tone_mapped=hdr)
    clipped = colours.channels == 3 and clips(space.linear(some), _alpha(some))
    return Rendered(space.to_8_bits(samples), None, hdr, clipped)


_LEVELS = {"uchar": 1 << 8, "ushort": 1 << 16}


def _device(image: pyvips.Image, colours: FileColours) -> pyvips.Image:
    """The image with samples in a form that can be converted; computed lazily."""
    if image.bands > colours.channels + 1:
        image = image.extract_band(0, n=colours.channels + 1)
    if image.interpretation == "multiband":
        image = image.copy(interpretation=plain(image.format, colours.channels))
    bits = image.get("bits-per-sample") if image.get_typeof("heif-compression") else 16
    if image.format == "ushort" and bits < 16:
        image = image | (image >> bits)  # libvips appends zeros: white would be 65472
    if colours.premultiplied and image.hasalpha():
        fmt, most = image.format, _LEVELS[image.format] - 1
        image = image.unpremultiply(max_alpha=most).rint().cast(fmt)
    if colours.channels == 4 and colours.profile is None and image.format in _LEVELS:
        return _inks_as_light(image)
    return _displayable(image, colours.channels)


def _inks_as_light(image: pyvips.Image) -> pyvips.Image:
    """RGB of CMYK without a profile, as browsers show it: each ink takes its share of the light."""
    most = _LEVELS[image.format] - 1
    light = image.extract_band(0, n=4) * -1 + most
    colours = light.extract_band(0, n=3) * light.extract_band(3) / most
    alpha = [image.extract_band(4)] if image.bands > 4 else []
    shown = colours.rint().cast(image.format).bandjoin(alpha)
    return shown.copy(interpretation=plain(image.format, 3))


def _displayable(image: pyvips.Image, channels: int) -> pyvips.Image:
    """Convert 32-bit samples to a form that libvips can display."""
    if image.format in ("uint", "int"):
        wide = 16 if image.format == "uint" else 15
        return (image >> wide).cast("ushort").copy(interpretation=plain("ushort", channels))
    if channels == 1 and image.format in ("float", "double"):
        # libvips interprets float RGB as linear light from 0 to 1, but float grey as
        # 0 to 255. Files hold either; the largest value decides.
        image = image.copy_memory()
        if image.extract_band(0).max() <= 1:
            linear = image.extract_band(0).bandjoin([image.extract_band(0)] * 2)
            alpha = [image.extract_band(1)] if image.bands > 1 else []
            return linear.bandjoin(alpha).copy(interpretation="scrgb")
    return image


def _by_vips(image: pyvips.Image, colours: FileColours) -> Rendered:
    """Convert CMYK, colours by profiles of tables, and colours such as CIELAB."""
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
    samples = _narrowed(_samples(shown if shown.format == "uchar" else shown.cast("uchar")))
    if grey:
        return Rendered(samples)
    if lab is None:
        linear = small.colourspace("scrgb").numpy()[..., :3]
    else:
        linear = icc.srgb_of_lab(lab.numpy()[..., :3])
    some = samples[::down, ::across][: linear.shape[0], : linear.shape[1]]
    light = linear.reshape(-1, 3).astype(np.float32)
    return Rendered(samples, clipped=clips(light, _alpha(some.reshape(-1, some.shape[-1]))))


def _samples(image: pyvips.Image) -> Samples:
    samples: Samples = image.numpy()
    return samples.reshape(image.height, image.width, image.bands)


def _narrowed(samples: Samples) -> Bytes:
    """8 bits, rounded."""
    if samples.dtype == np.uint8:
        return cast("Bytes", samples)
    narrow = np.empty(samples.shape, np.uint8)
    for row, place in zip(samples, narrow, strict=True):
        place[:] = (row * np.uint32(255) + np.uint32(0x807F)) >> np.uint32(16)
    return narrow


def _full_range(samples: Samples, colours: FileColours) -> Samples:
    """Stretch samples of narrow range (black is 16, white 235) to the full range."""
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
    """The distances between the pixels that represent all, down and across."""
    step = max(1, int((height * width / SAMPLE_PIXELS) ** 0.5))
    return min(step, height), min(step, width)


def _alpha(pixels: Samples) -> Samples | None:
    return pixels[:, -1] if pixels.shape[-1] in (2, 4) else None
