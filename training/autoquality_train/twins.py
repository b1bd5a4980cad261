"""Qualities that come to the same encoding.

AVIF has 64 quantisers for the qualities 1 to 100. How libheif maps the ones to
the others has changed with its releases, so it is found out by encoding: the
quality acts on nothing but the quantiser, hence what is the same for one
image is the same for any.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from autoquality_server.codecs import CODECS
from autoquality_server.domain import EncoderOptions, Format, RawSource
from autoquality_server.image import ImageLimits, from_raw

_SIDE = 64


@cache
def first_twins(fmt: Format, options: EncoderOptions) -> tuple[int, ...]:
    """For each quality 1 to 100 the lowest one with the same quantiser: itself, except for AVIF."""
    if fmt is not Format.AVIF:
        return tuple(range(1, 101))
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    limits = ImageLimits(noise.size, noise.size)
    pixels = from_raw(RawSource(_SIDE, _SIDE, 3, noise.tobytes()), limits)
    first: dict[bytes, int] = {}
    return tuple(
        first.setdefault(CODECS[fmt].encode(pixels, quality, options), quality)
        for quality in range(1, 101)
    )
