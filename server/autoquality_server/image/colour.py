"""Whatever colours a file has, as 8-bit sRGB or grey."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyvips

_PROFILE = "icc-profile-data"

# The profiles that say sRGB are smaller; larger ones hold tables and are not.
_SMALL_PROFILE = 16 * 1024


def colour_bands(image: pyvips.Image) -> int:
    """How many of the image's bands are colour: 1 grey, 3, or 4 CMYK."""
    if image.interpretation == "cmyk":
        return 4
    grey = image.interpretation in ("b-w", "grey16") or image.bands < 3
    return 1 if grey else 3


def to_srgb(image: pyvips.Image) -> pyvips.Image:
    """Convert to 8-bit sRGB, or grey where the source is grey; lazily, alpha kept.

    The result has 1 band (grey), 2 (grey and alpha), 3 or 4. An embedded
    profile is applied; one that cannot be used is ignored, as viewers do.
    Raises pyvips.Error.
    """
    colours = colour_bands(image)
    if image.bands > colours + 1:
        image = image.extract_band(0, n=colours + 1)
    if image.interpretation == "multiband":
        image = image.copy(interpretation=_plain(image.format, colours))
    image = _narrowed(image, colours)
    if colours == 4:
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk")
    else:
        image = _profiled(image, colours)
    image = image.colourspace("b-w" if colours == 1 else "srgb")
    return image if image.format == "uchar" else image.cast("uchar")


def _plain(fmt: str, colours: int) -> str:
    """The interpretation of samples about which the file says nothing."""
    if fmt == "ushort":
        return "grey16" if colours == 1 else "rgb16"
    return "b-w" if colours == 1 else "srgb"


def _narrowed(image: pyvips.Image, colours: int) -> pyvips.Image:
    """Bring grey samples of 32 bits into a form that libvips knows how to display."""
    if image.format in ("uint", "int"):
        wide = 16 if image.format == "uint" else 15
        return (image >> wide).cast("ushort").copy(interpretation=_plain("ushort", colours))
    if colours == 1 and image.format in ("float", "double"):
        # libvips takes float RGB for linear light from 0 to 1, but float grey
        # for 0 to 255. Files hold either; their largest value tells which.
        image = image.copy_memory()
        if image.extract_band(0).max() <= 1:
            linear = image.extract_band(0).bandjoin([image.extract_band(0)] * 2)
            alpha = [image.extract_band(1)] if image.bands > 1 else []
            return linear.bandjoin(alpha).copy(interpretation="scrgb")
    return image


def _profiled(image: pyvips.Image, colours: int) -> pyvips.Image:
    """Apply the embedded profile of a grey or RGB image."""
    if image.interpretation not in ("srgb", "rgb", "rgb16", "b-w", "grey16"):
        return image  # defined by itself: CIELAB, scRGB and the like
    if image.get_typeof(_PROFILE) == 0:
        return image
    profile = image.get(_PROFILE)
    if colours == 3 and len(profile) <= _SMALL_PROFILE and _is_srgb(profile):
        return image
    try:
        converted = image.icc_transform("srgb", embedded=True, depth=_depth(image))
    except pyvips.Error:
        return image
    if colours == 3:
        return converted
    # The profile of a grey image leads to RGB with three equal bands.
    grey = converted.extract_band(1)
    if image.bands > 1:
        grey = grey.bandjoin(converted.extract_band(3))
    return grey.copy(interpretation=_plain(grey.format, 1))


def _depth(image: pyvips.Image) -> int:
    return 8 if image.format == "uchar" else 16


@lru_cache(maxsize=64)
def _is_srgb(profile: bytes) -> bool:
    """Whether converting from `profile` to sRGB changes no 8-bit sample by more than 1.

    Most profiles are some sRGB; finding that out on 729 colours saves the
    conversion of every pixel.
    """
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
    image = pyvips.Image.new_from_array(colours).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.blob_type, _PROFILE, profile)
    try:
        converted = image.icc_transform("srgb", embedded=True).numpy()
    except pyvips.Error:
        return False
    return bool(np.abs(converted.astype(int) - colours).max() <= 1)
