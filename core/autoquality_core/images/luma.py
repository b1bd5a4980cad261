"""Luma planes, which the metric compares.

ITU-R BT.601 luma over the full range: 0.299 R + 0.587 G + 0.114 B, rounded to
8 bits. An image with alpha looks different over every background; it is
measured over the two extremes.
"""

from __future__ import annotations

import numpy as np

from autoquality_core.images.colour.linear_light import read_only
from autoquality_core.images.pixels import Pixels
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.compilation import compiled, inlined


def luma(pixels: Pixels) -> Bytes:
    """The luma of every frame: (surfaces, frames, height, width), 8 bits.

    One surface, or two for alpha: over black, over white. For grey without alpha, it
    is a read-only view of the samples.
    """
    return luma_planes(pixels.samples, over_backgrounds=pixels.has_alpha)


def luma_planes(samples: Bytes, *, over_backgrounds: bool) -> Bytes:
    """The luma of samples of the shape (frames, height, width, bands), bands as in Pixels.

    With `over_backgrounds` there are two surfaces, which are the same without alpha.
    Without it there is one, and alpha is ignored. R, G and B are blended with the
    background and rounded one by one, as viewers do.
    """
    frames, height, width, bands = samples.shape
    if bands == 1 and not over_backgrounds:
        return read_only(samples).reshape(1, frames, height, width)
    surfaces = np.empty((2 if over_backgrounds else 1, frames * height * width), np.uint8)
    black, white = surfaces[0], surfaces[-1]
    flat = read_only(samples.reshape(-1))
    if bands == 2:
        grey, alpha = flat[::2], flat[1::2]
        if over_backgrounds:
            black[:] = over_black(grey, alpha)
            np.add(black, 255 - alpha, out=white)
        else:
            black[:] = grey
    elif bands == 4 and over_backgrounds:
        _over_black_and_white(flat, black, white)
    elif bands == 1:
        surfaces[:] = flat
    else:
        _weighed(flat, bands, black)
        white[:] = black
    return surfaces.reshape(-1, frames, height, width)


def over_black(colour: Bytes, alpha: Bytes) -> Bytes:
    """`colour` over black: its product with `alpha`, rounded to 8 bits."""
    product = np.multiply(colour, alpha, dtype=np.uint16)
    product += 128
    product += product >> 8
    product >>= 8
    return product.astype(np.uint8)


# Samples are read by their place in flat arrays: LLVM turns that into wide instructions, which take
# a fifth of the time.


@compiled
def _weighed(flat: Bytes, bands: int, plane: Bytes) -> None:
    """The luma of pixels with `bands` samples each, 3 or more."""
    for at in range(plane.shape[0]):
        first = np.int64(bands) * at
        plane[at] = _luma(
            np.uint32(flat[first]), np.uint32(flat[first + 1]), np.uint32(flat[first + 2])
        )


@compiled
def _over_black_and_white(flat: Bytes, black: Bytes, white: Bytes) -> None:
    """The luma of R, G, B and alpha over both backgrounds.

    White adds the same to R, G and B, and so to their luma.
    """
    half, byte = np.uint32(128), np.uint32(8)
    for at in range(black.shape[0]):
        first = np.int64(4) * at
        alpha = np.uint32(flat[first + 3])
        r = np.uint32(flat[first]) * alpha + half
        g = np.uint32(flat[first + 1]) * alpha + half
        b = np.uint32(flat[first + 2]) * alpha + half
        r, g, b = (r + (r >> byte)) >> byte, (g + (g >> byte)) >> byte, (b + (b >> byte)) >> byte
        black[at] = _luma(r, g, b)
        white[at] = black[at] + np.uint32(255) - alpha


@inlined
def _luma(r: np.uint32, g: np.uint32, b: np.uint32) -> np.uint32:
    """Rounded, by the weights of the standard in 32,768ths, as OpenCV has them."""
    weighed = np.uint32(9798) * r + np.uint32(19235) * g + np.uint32(3735) * b
    return (weighed + np.uint32(1 << 14)) >> np.uint32(15)
