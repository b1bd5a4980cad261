"""AVIF: written by libheif and libaom, read back by libavif."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.formats.base import decoded, in_colour, kept
from autoquality_core.images import Pixels, luma_planes
from autoquality_core.images.plain_files import decode_plain_avif
from autoquality_core.types import EncoderOptions, Format

_FASTEST = 9


class AvifCodec:
    """AVIF: alpha, one frame, 8 bits.

    The same pixels and settings give the same bytes every time, but other
    bytes with another number of threads (`image.configure`).
    """

    format = Format.AVIF
    has_quality = True
    keeps_alpha = True
    keeps_animation = False
    min_side = 16
    max_side = 16384

    def encode(self, pixels: Pixels, quality: int, options: EncoderOptions) -> bytes:
        data: bytes = in_colour(pixels).heifsave_buffer(
            Q=quality,
            compression="av1",
            effort=_FASTEST - options.avif.speed,
            subsample_mode="off" if options.avif.no_subsample else "auto",
            bitdepth=8,
            keep=kept(pixels),
        )
        return data

    def decode_luma(self, data: bytes, pixels: Pixels) -> npt.NDArray[np.uint8]:
        # Grey is written as RGB.
        bands = 4 if pixels.has_alpha else 3
        samples = decode_plain_avif(data, pixels.width, pixels.height, bands)
        if samples is None:
            samples = decoded(pyvips.Image.heifload_buffer(data, access="sequential"))
        return luma_planes(samples, over_backgrounds=pixels.has_alpha)

    def frames(self, data: bytes, pixels: Pixels) -> int:
        return 1
