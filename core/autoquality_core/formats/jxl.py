"""JPEG XL, by libjxl: lossy or lossless, stills and animations, written through imagecodecs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from autoquality_core.formats.base import COMMON_LIBRARIES, Encoder, named, option
from autoquality_core.images import Pixels
from autoquality_core.images.jxl.container import read_container
from autoquality_core.images.jxl.header import read_header
from autoquality_core.images.jxl.rewriting import retimed, with_srgb
from autoquality_core.images.pixels import Decoded
from autoquality_core.images.timing import shown_for
from autoquality_core.runtime.codecs import jpegxl
from autoquality_core.types import Data, Format

_USUAL_EFFORT = 5
"""The effort that curves were learned for. Effort 4 takes a quarter of the time, but needs 1 to 8 %
more bytes for the same score, and some graphics 40 %. Efforts 6 and 7 take twice the time, and save
2 % above a score of 80 and nothing below."""

_OFFSETS = {
    **dict.fromkeys((1, 2), "jxl-effort-1"),
    **{effort: f"jxl-effort-{effort}" for effort in (3, 4)},
    **dict.fromkeys((6, 7), "jxl-effort-7"),
}
"""The learned offsets of other efforts. Efforts 1 and 2 write the same files."""

_BREAKS = (5, 96)
"""From quality 5 on, libjxl codes at full resolution: see `distance`. From 96 on, below a distance
of 0.5, many graphics take fewer bytes than at 95, up to a third."""
_FAST_BREAKS = (5, 57, 96)
"""Efforts below 5 also have a break at quality 57, from which on the DSSIM is worse."""
_SMOOTH_FROM = 57
"""From a distance of 4 down, libjxl smooths less. Files take up to 5 % fewer bytes than at 56. From
there on, the sizes of photographs hardly ever fall, and those of graphics seldom."""

_HIGHEST_EFFORT = 7
"""Efforts 8 and 9 take 280 bytes a pixel, five times those of 5 and more than the service reserves
(`autoquality_server.config.resources`), and 2 to 14 seconds a megapixel."""


@dataclass(frozen=True, slots=True)
class JxlOptions:
    """How a JPEG XL is written."""

    effort: int = option(_USUAL_EFFORT, "CPU effort, 1 (fast) to 7 (small).", 1, _HIGHEST_EFFORT)
    lossless: bool = option(
        False, "Keep every sample, or those of a JPEG as they are coded; there is no quality then."
    )


@dataclass(frozen=True, slots=True)
class JxlEncoder(Encoder):
    """JPEG XL: alpha (lossless from quality 5 on), animation, 8 bits, sRGB.

    imagecodecs can neither write a profile nor make the file progressive. libjxl cannot be stopped
    while it encodes.
    """

    format = Format.JXL
    name: ClassVar[str] = "JPEG XL"
    keeps_animation = True
    keeps_profile = False
    max_side = 2**18
    default_quality = 77
    libraries = (*COMMON_LIBRARIES, "imagecodecs", "libjxl")

    options: JxlOptions = JxlOptions()

    @property
    def takes_quality(self) -> bool:
        return not self.options.lossless

    @property
    def lossless(self) -> bool:
        return self.options.lossless

    @property
    def probe_seconds_per_pixel(self) -> float:
        return 1e-7 * max(1, self.options.effort - 3)

    @property
    def learned_offsets(self) -> tuple[str, ...]:
        return named(_OFFSETS.get(self.options.effort))

    @property
    def breaks(self) -> tuple[int, ...]:
        return _FAST_BREAKS if self.options.effort < _USUAL_EFFORT else _BREAKS

    @property
    def smooth_from(self) -> int:
        return _SMOOTH_FROM

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        lossless, samples = self.options.lossless, pixels.samples
        if pixels.bands < 3 and not lossless:
            # Chromium gives grey a noise of colours, up to 4 levels. RGB has the same coded pixels.
            samples = np.take(samples, [0, 0, 0, 1][: 2 + pixels.bands], axis=-1)
        data: bytes = jpegxl.jpegxl_encode(
            samples,
            distance=0.0 if lossless else distance(quality),
            lossless=lossless,
            effort=self.options.effort,
            numthreads=1,
        )
        if pixels.frames == 1:
            return data
        return retimed(data, [shown_for(delay) for delay in pixels.delays], pixels.plays)

    def decode(self, data: bytes, pixels: Pixels) -> Decoded:
        samples = np.asarray(jpegxl.jpegxl_decode(data, numthreads=1), np.uint8)
        return Decoded(samples.reshape(*pixels.samples.shape[:3], -1))

    def frames(self, data: bytes, pixels: Pixels) -> int:
        return pixels.frames


@dataclass(frozen=True, slots=True)
class JxlTranscoder(JxlEncoder):
    """The coefficients of a JPEG in a JPEG XL, which takes some 20 % fewer bytes.

    libjxl decodes them with more precision than JPEG decoders do. So samples differ a little.
    """

    keeps_profile = True

    file: bytes = field(default=b"", repr=False, compare=False)

    @property
    def lossless(self) -> bool:
        return False  # of the coefficients, not of every sample

    @classmethod
    def of(cls, jpeg: Data, options: JxlOptions, *, keep_profile: bool) -> Self | None:
        """The encoder for a JPEG and its pixels; None if libjxl cannot represent it exactly.

        Without `keep_profile`, the file says that the samples are sRGB.
        """
        try:
            boxed = jpegxl.jpegxl_encode_jpeg(jpeg, usecontainer=True, numthreads=1)
        except RuntimeError:  # CMYK, or damaged in a way that JPEG decoders tolerate
            return None
        codestream = read_container(boxed).codestream
        header = read_header(codestream)
        if header.profile is None or keep_profile:
            return cls(options, bytes(codestream))
        return cls(options, with_srgb(codestream, header))

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        return self.file


def distance(quality: int) -> float:
    """The Butteraugli distance of a quality 1 to 100: 23.9 to 0.1.

    This is the mapping of libjxl and its command line, except that quality 100 has the distance 0.1
    and is lossy like any other, not 0, which is lossless there. From a distance of 20 on, libjxl
    halves the resolution.
    """
    if quality < 30:
        return 53 / 3000 * quality**2 - 23 / 20 * quality + 25
    return 0.1 + (100 - quality) * 0.09
