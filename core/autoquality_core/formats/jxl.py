"""JPEG XL, by libjxl: lossy or lossless stills, written and read through imagecodecs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from autoquality_core.formats.base import COMMON_LIBRARIES, Encoder, Samples, option
from autoquality_core.images import Pixels
from autoquality_core.images.decoded import Decoded
from autoquality_core.runtime.codecs import jpegxl
from autoquality_core.types import Format

_USUAL_EFFORT = 5
"""The effort that curves were learned for. Effort 4 takes a quarter of the time, but needs 6 % more
bytes for the same score on photographs, and up to 40 % more on graphics; 6 and 7 take twice the
time and save nothing below a score of 80."""


@dataclass(frozen=True, slots=True)
class JxlOptions:
    """How a JPEG XL is written."""

    effort: int = option(_USUAL_EFFORT, "CPU effort, 1 (fast) to 9 (small).", 1, 9)
    lossless: bool = option(False, "Keep every sample exactly; there is no quality then.")


@dataclass(frozen=True, slots=True)
class JxlEncoder(Encoder):
    """JPEG XL: alpha (always lossless), one frame, 8 bits.

    The file is a bare codestream. libjxl cannot be stopped while it encodes.
    """

    format = Format.JXL
    name: ClassVar[str] = "JPEG XL"
    max_side = 2**18
    default_quality = 77
    probe_seconds_per_pixel = 3e-7
    libraries = (*COMMON_LIBRARIES, "imagecodecs", "libjxl")

    options: JxlOptions = JxlOptions()

    @property
    def takes_quality(self) -> bool:
        return not self.options.lossless

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        lossless = self.options.lossless
        data: bytes = jpegxl.jpegxl_encode(
            _planes(pixels.samples),
            distance=0.0 if lossless else distance(quality),
            lossless=lossless,
            effort=self.options.effort,
            numthreads=1,
        )
        return data

    def decode(self, data: bytes, pixels: Pixels) -> Decoded:
        samples = np.asarray(jpegxl.jpegxl_decode(data, numthreads=1), np.uint8)
        return Decoded(samples.reshape(pixels.samples.shape))


def distance(quality: int) -> float:
    """The Butteraugli distance of a quality 1 to 100: 23.9 to 0.1.

    This is the mapping of libjxl and its command line, except that quality 100 is 0.1, the end of
    the line, and not 0, which is lossless there.
    """
    if quality < 30:
        return 53 / 3000 * quality**2 - 23 / 20 * quality + 25
    return 0.1 + (100 - quality) * 0.09


def _planes(samples: Samples) -> Samples:
    """One frame in the shape that imagecodecs takes: (height, width), or with bands."""
    frame: Samples = samples[0]
    return frame[..., 0] if frame.shape[-1] == 1 else frame
