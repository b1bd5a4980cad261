"""AVIF, by libaom. libavif, behind imagecodecs, writes most files. It also reads
plain files and sequences.

libavif takes less time than libheif, behind libvips, for about the same bytes and score (`make
bench-efforts`). imagecodecs cannot write a profile or lossy alpha, so libheif writes these files.
Both map a quality to the same quantisers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar, cast

import numpy as np

from autoquality_core.formats.base import (
    CHROMA_MEANING,
    CHROMAS,
    COMMON_LIBRARIES,
    EACH_QUALITY,
    SUBSAMPLE_MODES,
    ChromaOptions,
    Encoder,
    has_whole_chroma,
    in_colour,
    named,
    option,
    profile_flag,
    samples_of,
)
from autoquality_core.images import Pixels
from autoquality_core.images.pixels import Decoded
from autoquality_core.images.plain_files import decode_plain_avif
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.codecs import libavif, pyvips
from autoquality_core.types import MAX_QUALITY, Chroma, Format

_FASTEST = 9
_OFFSETS = {
    **dict.fromkeys(range(6), "avif-speed-4"),
    **{speed: f"avif-speed-{speed}" for speed in (6, 7, 9)},
}
"""The learned offsets of speeds whose curves differ from those of speed 8, the usual one."""

_SECONDS_PER_PIXEL = (2e-5, 1e-5, 8e-6, 5e-6, 2.5e-6, 2e-6, 5e-7, 3e-7, 2e-7, 1e-7)
"""By speed, from 0 on: rounded up, of pieces of photographs of 256x256."""

# Code points of ITU-T H.273: what sRGB has.
_BT709, _SRGB = 1, 13

_SIDE = 64


@dataclass(frozen=True, slots=True)
class AvifOptions(ChromaOptions):
    """How an AVIF is written."""

    speed: int = option(8, "Encoder speed, 0 (small) to 9 (fast).", 0, _FASTEST)
    no_subsample: bool = option(False, "The older name of chroma full.")
    chroma: Chroma = option(Chroma.BY_QUALITY, CHROMA_MEANING, choices=CHROMAS)


@dataclass(frozen=True, slots=True)
class AvifEncoder(Encoder):
    """AVIF: alpha, one frame, 8 bits.

    The same pixels and options give the same bytes every time, but other bytes with another
    number of threads (`images.configure`).
    """

    format = Format.AVIF
    name: ClassVar[str] = "AVIF"
    min_side = 16
    max_side = 16384
    default_quality = 63
    default_range = (60, 65)
    libraries = (*COMMON_LIBRARIES, "imagecodecs", "libavif")

    options: AvifOptions = AvifOptions()

    def encode(self, pixels: Pixels, quality: int) -> bytes:
        if pixels.has_alpha or pixels.profile is not None or quality == MAX_QUALITY:
            return self.by_libheif(pixels, quality)
        samples = pixels.samples[0]
        return bytes(
            libavif.avif_encode(
                samples if pixels.bands == 3 else samples.repeat(3, axis=-1),
                quality,
                speed=self.options.speed,
                pixelformat="444" if has_whole_chroma(self.options.chroma, quality) else "420",
                codec="aom",
                primaries=_BT709,
                transfer=_SRGB,
                numthreads=pyvips.concurrency_get(),
            )
        )

    def by_libheif(self, pixels: Pixels, quality: int) -> bytes:
        data: bytes = in_colour(pixels).heifsave_buffer(
            Q=quality,
            compression="av1",
            effort=_FASTEST - self.options.speed,
            subsample_mode=SUBSAMPLE_MODES[self.options.chroma],
            bitdepth=8,
            keep=profile_flag(pixels),
        )
        return data

    def decode(self, data: bytes, pixels: Pixels) -> Decoded:
        # Grey is written as RGB.
        bands = 4 if pixels.has_alpha else 3
        found = decode_plain_avif(data, pixels.width, pixels.height, bands)
        if found is None:
            found = samples_of(pyvips.Image.heifload_buffer(data, access="sequential"))
        return Decoded(cast("Bytes", found))

    def equivalents(self, *, has_alpha: bool) -> tuple[int, ...]:
        """As in `Encoder`: 64 of the files for 100 qualities differ, with alpha 88.

        AVIF has 64 quantisers, and libheif maps a quality to another quantiser for alpha than
        for colour. The mapping has changed between releases of libheif, so it is measured by
        encoding. The quality changes only the quantisers and the resolution of chroma, so the
        result for one image holds for every image of its kind, at any speed.
        """
        return _equivalents(self.options.chroma, has_alpha)

    @property
    def probe_seconds_per_pixel(self) -> float:
        return _SECONDS_PER_PIXEL[self.options.speed]

    @property
    def learned_offsets(self) -> tuple[str, ...]:
        full = "avif-full" if self.options.chroma is Chroma.FULL else None
        return named(_OFFSETS.get(self.options.speed), full)


@cache
def _equivalents(chroma: Chroma, has_alpha: bool) -> tuple[int, ...]:
    bands = 4 if has_alpha else 3
    noise = np.random.default_rng(0).integers(0, 256, (1, _SIDE, _SIDE, bands), np.uint8)
    pixels = Pixels(noise)
    encoder = AvifEncoder(AvifOptions(_FASTEST, chroma=chroma))
    first: dict[bytes, int] = {}
    return tuple(
        first.setdefault(encoder.encode(pixels, quality), quality) for quality in EACH_QUALITY
    )
