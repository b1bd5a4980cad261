"""PNG: lossless, unless reduced to a palette."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from autoquality_core.formats.base import Encoder, in_colour, option, profile_flag, samples_of
from autoquality_core.images import Pixels
from autoquality_core.images.pixels import Decoded
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.types import Format


@dataclass(frozen=True, slots=True)
class PngOptions:
    """How a PNG is written."""

    compression: int = option(6, "zlib level, 0 (fast) to 9 (small).", 0, 9)
    interlaced: bool = option(False, "Adam7 interlacing.")
    quantize: bool = option(False, "Reduce to a palette (lossy).")
    quantization_colors: int = option(256, "Colours of the palette, 2 to 256.", 2, 256)


@dataclass(frozen=True, slots=True)
class PngEncoder(Encoder):
    """PNG: alpha, one frame, no quality."""

    format = Format.PNG
    name: ClassVar[str] = "PNG"
    has_quality = False
    max_side = 2**31 - 1

    options: PngOptions = PngOptions()

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        options = self.options
        # The palette may grow to 2, 4, 16 or 256 colours.
        bits = next(bits for bits in (1, 2, 4, 8) if options.quantization_colors <= 1 << bits)
        palette = {"palette": True, "bitdepth": bits}
        image = pixels.image
        if options.quantize and pixels.profile is not None:
            # A palette has RGB, of grey, too. Readers ignore a profile for grey there.
            image = in_colour(pixels).colourspace("srgb")
        data: bytes = image.pngsave_buffer(
            compression=options.compression,
            interlace=options.interlaced,
            keep=profile_flag(pixels),
            **(palette if options.quantize else {}),
        )
        return data

    @property
    def lossless(self) -> bool:
        return not self.options.quantize

    @property
    def setting(self) -> str:
        return "png" if self.lossless else "png-quantized"

    def decode(self, data: bytes, pixels: Pixels) -> Decoded:
        return Decoded(samples_of(pyvips.Image.pngload_buffer(data, access="sequential")))
