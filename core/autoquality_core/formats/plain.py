"""imagecodecs writes plain JPEG and WebP faster than libvips, with identical results.

imagecodecs brings libjpeg-turbo and libwebp, and hands them whole images. libvips hands over a few
rows at a time, from threads that it starts for each file. With plain options the files are the
same byte for byte (tests/formats/test_plain.py).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autoquality_core.formats.base import has_whole_chroma
from autoquality_core.images import Pixels
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.codecs import jpeg8, libwebp
from autoquality_core.types import Chroma

_JFIF = slice(2, 20)
"""libjpeg adds this segment, which says nothing that a decoder does not assume."""

_WEBP_EFFORT = 4
_LONGEST_JPEG = 65_500  # as libvips
_LONGEST_WEBP = 16_382
"""imagecodecs refuses 16,383 pixels, the most that the format has."""

JPEG_PIXELS = 4_000_000
WEBP_PIXELS = 1_000_000
"""The largest images that are written here, because neither encoder can be stopped. Images of this
size take some 30 and 100 ms."""

_TRIED = (20, 89, 90)
_SIDES = (21, 34)


def jpeg(pixels: Pixels, quality: int, chroma: Chroma) -> bytes | None:
    """A baseline JPEG with optimised Huffman tables; None if libvips has to write it."""
    longest = max(pixels.height, pixels.width)
    if pixels.height * pixels.width > JPEG_PIXELS or longest > _LONGEST_JPEG:
        return None
    chosen = "444" if has_whole_chroma(chroma, quality) else "420"
    samples = _packed(pixels)
    try:
        data = jpeg8.jpeg8_encode(samples, quality, subsampling=chosen, optimize=True)
    except RuntimeError:  # no memory
        return None
    return bytes(data[: _JFIF.start] + data[_JFIF.stop :])


def webp(pixels: Pixels, quality: int) -> bytes | None:
    """A WebP of effort 4 and the default preset; None if libvips has to write it."""
    if pixels.height * pixels.width > WEBP_PIXELS or pixels.bands != 3 or pixels.frames > 1:
        return None
    if max(pixels.height, pixels.width) > _LONGEST_WEBP:
        return None
    samples = _packed(pixels)
    try:
        return bytes(libwebp.webp_encode(samples, quality, lossless=False, method=_WEBP_EFFORT))
    except RuntimeError:  # no memory
        return None


def _packed(pixels: Pixels) -> Bytes:
    """The first frame: (height, width, bands).

    imagecodecs checks the strides even of axes with one element, for which NumPy allows any.
    """
    shape = pixels.height, pixels.width, pixels.bands
    packed: Bytes = pixels.samples[0].reshape(-1).reshape(shape)
    return packed


def agrees(
    write: Callable[[Pixels, int], bytes | None], usual: Callable[[Pixels, int], bytes]
) -> bool:
    """Checks that `write` and `usual` give the same files here, for a few small pictures.

    Another build of either library may contain another encoder.
    """
    noise = np.random.default_rng(0).integers(0, 256, (1, *_SIDES, 3), np.uint8)
    smooth = np.add.outer(np.arange(_SIDES[0]), np.arange(3 * _SIDES[1])).astype(np.uint8)
    pictures = [Pixels(one) for one in (noise, smooth.reshape(1, *_SIDES, 3))]
    return all(write(one, at) == usual(one, at) for one in pictures for at in _TRIED)
