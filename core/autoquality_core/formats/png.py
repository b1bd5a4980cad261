"""PNG: lossless, unless reduced to a palette."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.formats.base import kept, still_luma
from autoquality_core.images import Pixels
from autoquality_core.types import EncoderOptions, Format


class PngCodec:
    """PNG: alpha, one frame, no quality."""

    format = Format.PNG
    has_quality = False
    keeps_alpha = True
    keeps_animation = False
    min_side = 1
    max_side = 2**31 - 1

    def encode(self, pixels: Pixels, quality: int, options: EncoderOptions) -> bytes:
        png = options.png
        palette = {"palette": True, "bitdepth": _index_bits(png.quantization_colors)}
        data: bytes = pixels.image.pngsave_buffer(
            compression=png.compression,
            interlace=png.interlaced,
            keep=kept(pixels),
            **(palette if png.quantize else {}),
        )
        return data

    def decode_luma(self, data: bytes, pixels: Pixels) -> npt.NDArray[np.uint8]:
        image = pyvips.Image.pngload_buffer(data, access="sequential")
        return still_luma(image, pixels)

    def frames(self, data: bytes, pixels: Pixels) -> int:
        return 1


def _index_bits(colours: int) -> int:
    """Bits of a palette index that hold `colours`: the palette may grow to 2, 4, 16 or 256."""
    return next(bits for bits in (1, 2, 4, 8) if colours <= 1 << bits)
