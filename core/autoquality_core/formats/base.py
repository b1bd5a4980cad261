"""What a codec is to the rest of the service."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.images import Pixels, luma_planes
from autoquality_core.images.colour.icc import PROFILE, in_rgb
from autoquality_core.types import EncoderOptions, Format


class Codec(Protocol):
    """One format that can be written; stateless, used by all threads.

    `encode` may be given only what the format holds: one frame unless
    `keeps_animation`, no alpha unless `keeps_alpha`, sides of `min_side` to
    `max_side` pixels (see `substitute`). Within that its failure is a defect,
    and pyvips.Error escapes.
    """

    format: Format
    has_quality: bool
    keeps_alpha: bool
    keeps_animation: bool
    min_side: int
    max_side: int

    def encode(self, pixels: Pixels, quality: int, options: EncoderOptions) -> bytes:
        """The encoded file; `quality` is 1 to 100 and ignored without `has_quality`."""
        ...

    def decode_luma(self, data: bytes, pixels: Pixels) -> npt.NDArray[np.uint8]:
        """The luma of a file that `encode` made of `pixels`, of the shape of `luma(pixels)`."""
        ...

    def frames(self, data: bytes, pixels: Pixels) -> int:
        """How many frames a file has that `encode` made of `pixels`: an encoder may merge some."""
        ...


def kept(pixels: Pixels) -> int:
    """What libvips writes besides the pixels, as its flags: the colour profile, if they have one.

    EXIF, XMP and IPTC are inserted into the finished file (`codecs.containers`).
    """
    return int(pyvips.ForeignKeep.ICC) if pixels.image.get_typeof(PROFILE) else 0


def in_colour(pixels: Pixels) -> pyvips.Image:
    """The image for a format that writes grey as RGB: with a profile for that."""
    image, profile = pixels.image, pixels.profile
    if profile is None or pixels.bands > 2:
        return image
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, PROFILE, in_rgb(profile))
    return image


def decoded(image: pyvips.Image, frames: int = 1) -> npt.NDArray[np.uint8]:
    """The samples of a file opened by libvips: (frames, height, width, bands)."""
    samples = np.frombuffer(image.write_to_memory(), np.uint8)
    return samples.reshape(frames, image.height // frames, image.width, image.bands)


def still_luma(image: pyvips.Image, pixels: Pixels) -> npt.NDArray[np.uint8]:
    """The luma of a still image opened by libvips, with the surfaces that `pixels` has."""
    return luma_planes(decoded(image), over_backgrounds=pixels.has_alpha)
