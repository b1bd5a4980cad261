"""JPEG, by mozjpeg. Plain options go through libjpeg-turbo: the same files, faster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from autoquality_core.formats import plain
from autoquality_core.formats.base import (
    CHROMA_MEANING,
    CHROMAS,
    SUBSAMPLE_MODES,
    ChromaOptions,
    Encoder,
    option,
    profile_flag,
    samples_of,
)
from autoquality_core.images import Pixels
from autoquality_core.images.pixels import Decoded
from autoquality_core.images.plain_files import jpeg_samples
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.types import Chroma, Format


@dataclass(frozen=True, slots=True)
class JpegOptions(ChromaOptions):
    """How a JPEG is written; names and defaults are imgproxy's."""

    progressive: bool = option(False, "Progressive instead of baseline.")
    no_subsample: bool = option(False, "The older name of chroma full.")
    trellis_quant: bool = option(False, "Trellis quantisation: a smaller file for more time.")
    overshoot_deringing: bool = option(False, "Less ringing around black text on white.")
    optimize_scans: bool = option(
        False, "Choose the progressive scans by trial; needs progressive."
    )
    quant_table: int = option(0, "Quantisation table, 0 to 8.", 0, 8)
    chroma: Chroma = option(Chroma.BY_QUALITY, CHROMA_MEANING, choices=CHROMAS)


BEST_MOZJPEG = JpegOptions(
    progressive=True,
    trellis_quant=True,
    overshoot_deringing=True,
    optimize_scans=True,
    quant_table=3,
)
"""The options with which mozjpeg writes its smallest files, at any cost in time."""

_PLAIN = JpegOptions()


@dataclass(frozen=True, slots=True)
class JpegEncoder(Encoder):
    """JPEG: no alpha, one frame; grey has one component."""

    format = Format.JPEG
    name: ClassVar[str] = "JPEG"
    keeps_alpha = False
    max_side = 65500  # libjpeg's JPEG_MAX_DIMENSION; the format itself ends at 65535

    options: JpegOptions = _PLAIN

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        if _is_plain(self.options) and not profile_flag(pixels) and _turbo_agrees():
            data = plain.jpeg(pixels, quality, self.options.chroma)
            if data is not None:
                return data
        return self.by_libvips(pixels, quality)

    def by_libvips(self, pixels: Pixels, quality: int) -> bytes:
        options = self.options
        data: bytes = pixels.image.jpegsave_buffer(
            Q=quality,
            # Huffman tables made for the image: some 3 % smaller for some 3 ms
            # a megapixel, and not a pixel differs.
            optimize_coding=True,
            interlace=options.progressive,
            subsample_mode=SUBSAMPLE_MODES[options.chroma],
            trellis_quant=options.trellis_quant,
            overshoot_deringing=options.overshoot_deringing,
            optimize_scans=options.optimize_scans and options.progressive,
            quant_table=options.quant_table,
            keep=profile_flag(pixels),
        )
        return data

    def decode(self, data: bytes, pixels: Pixels) -> Decoded:
        # The Y channel of the file would take half the time. But a viewer sees R, G and B, and
        # where those are clipped their luma differs: the DSSIM by up to 0.01.
        samples = jpeg_samples(data, pixels.width, pixels.height, pixels.bands)
        if samples is None:
            samples = samples_of(pyvips.Image.jpegload_buffer(data, access="sequential"))
        return Decoded(samples)

    @property
    def learned(self) -> str:
        mozjpeg = self.options.trellis_quant or self.options.quant_table != 0
        return "jpeg-mozjpeg" if mozjpeg else "jpeg"

    @property
    def learned_offsets(self) -> tuple[str, ...]:
        return (f"{self.learned}-full",) if self.options.chroma is Chroma.FULL else ()

    def for_network(self) -> JpegEncoder:
        return JpegEncoder(BEST_MOZJPEG.with_chroma(self.options.chroma))


@cache
def _is_plain(options: JpegOptions) -> bool:
    """Whether only the chroma differs from the defaults."""
    return options.with_chroma(Chroma.BY_QUALITY) == _PLAIN


@cache
def _turbo_agrees() -> bool:
    """Checks that libjpeg-turbo's files are libvips' here."""
    return plain.agrees(
        lambda pixels, quality: plain.jpeg(pixels, quality, Chroma.BY_QUALITY),
        JpegEncoder().by_libvips,
    )
