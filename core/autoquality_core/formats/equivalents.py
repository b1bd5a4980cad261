"""Qualities that give the same file.

AVIF has 64 quantisers for the qualities 1 to 100, and libheif maps a quality to
another quantiser for alpha than for colour: 64 files are distinct without
alpha, 88 with it. The mapping has changed between releases of libheif, so it is
measured by encoding. The quality changes only the quantisers and the resolution
of chroma, so the result for one image holds for every image of its kind, at any
speed.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from autoquality_core.formats.avif import AvifCodec
from autoquality_core.images import ImageLimits, from_raw
from autoquality_core.types import AvifOptions, EncoderOptions, Format, RawSource

_SIDE = 64
_FASTEST = 9
_EACH = tuple(range(1, 101))


def equivalents(
    fmt: Format, options: EncoderOptions, *, has_alpha: bool = False
) -> tuple[int, ...]:
    """For each quality 1 to 100 the lowest one with the same file: itself, except for AVIF."""
    return _of_avif(options.avif.no_subsample, has_alpha) if fmt is Format.AVIF else _EACH


@cache
def _of_avif(no_subsample: bool, has_alpha: bool) -> tuple[int, ...]:
    bands = 4 if has_alpha else 3
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, bands), np.uint8)
    limits = ImageLimits(noise.size, noise.size)
    pixels = from_raw(RawSource(_SIDE, _SIDE, bands, noise.tobytes()), limits)
    options = EncoderOptions(avif=AvifOptions(_FASTEST, no_subsample))
    first: dict[bytes, int] = {}
    return tuple(
        first.setdefault(AvifCodec().encode(pixels, quality, options), quality) for quality in _EACH
    )
