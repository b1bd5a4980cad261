"""Qualities that come to the same encoding.

AVIF has 64 quantisers for the qualities 1 to 100. How libheif maps the ones to
the others has changed with its releases, so it is found out by encoding: the
quality acts on nothing but the quantiser and the chroma's resolution, hence
what is the same for one image is the same for any, at any speed.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from autoquality_server.codecs.avif import AvifCodec
from autoquality_server.domain import AvifOptions, EncoderOptions, Format, RawSource
from autoquality_server.image import ImageLimits, from_raw

_SIDE = 64
_FASTEST = 9
_EACH = tuple(range(1, 101))


def first_twins(fmt: Format, options: EncoderOptions) -> tuple[int, ...]:
    """For each quality 1 to 100 the lowest one with the same encoding: itself, except for AVIF."""
    return _of_avif(options.avif.no_subsample) if fmt is Format.AVIF else _EACH


@cache
def _of_avif(no_subsample: bool) -> tuple[int, ...]:
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    limits = ImageLimits(noise.size, noise.size)
    pixels = from_raw(RawSource(_SIDE, _SIDE, 3, noise.tobytes()), limits)
    options = EncoderOptions(avif=AvifOptions(_FASTEST, no_subsample))
    first: dict[bytes, int] = {}
    return tuple(
        first.setdefault(AvifCodec().encode(pixels, quality, options), quality) for quality in _EACH
    )
