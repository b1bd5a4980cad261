"""Luma planes, which the metric compares.

ITU-R BT.601 luma over the full range: 0.299 R + 0.587 G + 0.114 B, rounded to
8 bits. An image with alpha looks different over every background; it is
measured over the two extremes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_core.images.colour.linear_light import read_only
from autoquality_core.images.pixels import Pixels
from autoquality_core.runtime.codecs import cv2
from autoquality_core.runtime.compilation import compiled

Planes = npt.NDArray[np.uint8]


def luma(pixels: Pixels) -> Planes:
    """The luma of every frame: (surfaces, frames, height, width), 8 bits.

    One surface, or two for alpha: over black, over white. For grey without alpha, it
    is a read-only view of the samples.
    """
    return luma_planes(pixels.samples, over_backgrounds=pixels.has_alpha)


def luma_planes(samples: npt.NDArray[np.uint8], *, over_backgrounds: bool) -> Planes:
    """The luma of samples of the shape (frames, height, width, bands), bands as in Pixels.

    With `over_backgrounds` there are two surfaces, which are the same without alpha.
    Without it there is one, and alpha is ignored. R, G and B are blended with the
    background and rounded one by one, as viewers do.
    """
    frames, height, width, bands = samples.shape
    rows = samples.reshape(frames * height, width, bands)
    if bands == 4 and over_backgrounds:
        both = np.empty((2, frames * height * width), np.uint8)
        _over_black_and_white(read_only(rows.reshape(-1, 4)), both[0], both[1])
        return both.reshape(2, frames, height, width)
    if bands < 3:
        plane = np.ascontiguousarray(rows[..., 0])
    else:
        weigh = cv2.COLOR_RGB2GRAY if bands == 3 else cv2.COLOR_RGBA2GRAY
        plane = np.asarray(cv2.cvtColor(rows, weigh), np.uint8)
    if not over_backgrounds:
        return plane.reshape(1, frames, height, width)
    planes = np.empty((2, frames * height, width), np.uint8)
    if bands == 2:
        alpha = np.ascontiguousarray(rows[..., -1])
        cv2.multiply(plane, alpha, dst=planes[0], scale=1 / 255)
        cv2.add(planes[0], cv2.bitwise_not(alpha), dst=planes[1])
    else:
        planes[:] = plane
    return planes.reshape(2, frames, height, width)


def warm_up() -> None:
    """Compile the loop for images with alpha."""
    luma_planes(np.zeros((1, 1, 1, 4), np.uint8), over_backgrounds=True)


@compiled
def _over_black_and_white(pixels: Planes, black: Planes, white: Planes) -> None:
    """The luma of (n, 4) over both backgrounds, in OpenCV's integers.

    White adds the same to R, G and B, and so to their luma.
    """
    half, byte = np.uint32(128), np.uint32(8)
    for at in range(pixels.shape[0]):
        alpha = np.uint32(pixels[at, 3])
        r = np.uint32(pixels[at, 0]) * alpha + half
        g = np.uint32(pixels[at, 1]) * alpha + half
        b = np.uint32(pixels[at, 2]) * alpha + half
        r, g, b = (r + (r >> byte)) >> byte, (g + (g >> byte)) >> byte, (b + (b >> byte)) >> byte
        weighed = np.uint32(9798) * r + np.uint32(19235) * g + np.uint32(3735) * b
        black[at] = (weighed + np.uint32(1 << 14)) >> np.uint32(15)
        white[at] = black[at] + np.uint32(255) - alpha
