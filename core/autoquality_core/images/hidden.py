"""Replacing the colours of fully transparent pixels, which are invisible and cost bytes.

Editors leave any colours there: a photograph, noise, white. A lossy encoder also lets
them bleed into visible edges. The loops use integers only, so that all machines agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from autoquality_core.images.pixels import Pixels
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.compilation import compiled, inlined

# Constants of the loops must stand in this file: when it changes, numba compiles again.
_FINE = np.int32(64)
_WHOLE = np.int32(255)

Colours = npt.NDArray[np.uint16]


def with_continued_colours(pixels: Pixels) -> Pixels:
    """Replace hidden colours by a smooth continuation of the visible colours around them.

    For lossy formats, which encode it in few bytes.
    """
    return _replaced(pixels, _continue)


def with_black(pixels: Pixels) -> Pixels:
    """Replace hidden colours by black, which lossless formats compress best."""
    return _replaced(pixels, _blacken)


def _replaced(pixels: Pixels, fill: Callable[[Bytes], None]) -> Pixels:
    if not pixels.has_alpha or pixels.samples[..., -1].min() > 0:
        return pixels
    samples = pixels.samples.copy()
    for frame in samples:
        fill(frame)
    return replace(pixels, samples=samples)


def _blacken(frame: Bytes) -> None:
    whole_pixels = frame.view(f"u{frame.shape[-1]}")
    whole_pixels[frame[..., -1:] == 0] = 0


def _continue(frame: Bytes) -> None:
    """Fill the fully transparent pixels of a frame (height, width, bands) with colours around.

    This is push-pull interpolation. Each level of a pyramid holds the averages of the visible
    pixels of the level below. Then each level is completed by the coarser one, and smoothed where
    nothing is visible. A level consists of colours (height, width, colours), 64 times as fine as
    samples, and weights (height, width), 0 to 255.
    """
    levels = [_halved(frame, frame[..., -1], frame.shape[-1] - 1, _FINE)]
    while levels[-1][1].size > 1:
        levels.append(_halved(*levels[-1], frame.shape[-1] - 1, np.int32(1)))
    for (colours, weights), (coarse, _) in zip(levels[-2::-1], levels[:0:-1], strict=True):
        _complete(coarse, colours, weights)
        _smooth(colours, weights)
    _fill_frame(levels[0][0], frame)


def _halved(
    fine: Bytes | Colours, weights: Bytes, bands: int, scale: np.int32
) -> tuple[Colours, Bytes]:
    """The level above one whose first `bands` are colours, which are multiplied by `scale`."""
    shape = ((weights.shape[0] + 1) // 2, (weights.shape[1] + 1) // 2)
    colours, sums = np.empty((*shape, bands), np.uint16), np.empty(shape, np.uint8)
    _halve(fine, weights, scale, colours, sums)
    return colours, sums


@compiled
def _halve(
    fine: Bytes | Colours, weights: Bytes, scale: np.int32, colours: Colours, sums: Bytes
) -> None:
    """Fill `colours` and `sums`: means of two by two pixels, weighted, and their weights."""
    height, width = weights.shape
    for y in range(sums.shape[0]):
        top, below = 2 * y, min(2 * y + 1, height - 1)
        for x in range(sums.shape[1]):
            left, right = 2 * x, min(2 * x + 1, width - 1)
            a, b = np.int32(weights[top, left]), np.int32(weights[top, right])
            c, d = np.int32(weights[below, left]), np.int32(weights[below, right])
            whole = a + b + c + d
            sums[y, x] = min(whole, _WHOLE)
            for band in range(colours.shape[2]):
                p, q = np.int32(fine[top, left, band]), np.int32(fine[top, right, band])
                r, s = np.int32(fine[below, left, band]), np.int32(fine[below, right, band])
                if whole == 4 * _WHOLE:
                    colours[y, x, band] = (scale * (p + q + r + s) + 2) // 4
                elif whole == 0:
                    colours[y, x, band] = 0
                else:
                    total = scale * (a * p + b * q + c * r + d * s)
                    colours[y, x, band] = (total + whole // 2) // whole


@inlined
def _between(coarse: Colours, y: int, x: int, band: int) -> np.int32:
    """16 times the colour of a level at a pixel of the level below, interpolated."""
    near_y, near_x = y // 2, x // 2
    far_y = min(max(near_y + 2 * (y % 2) - 1, 0), coarse.shape[0] - 1)
    far_x = min(max(near_x + 2 * (x % 2) - 1, 0), coarse.shape[1] - 1)
    return (
        9 * np.int32(coarse[near_y, near_x, band])
        + 3 * np.int32(coarse[near_y, far_x, band])
        + 3 * np.int32(coarse[far_y, near_x, band])
        + np.int32(coarse[far_y, far_x, band])
    )


@compiled
def _complete(coarse: Colours, colours: Colours, weights: Bytes) -> None:
    """Blend a level with the one above, which counts more the lower the weight of a pixel is."""
    height, width, bands = colours.shape
    for y in range(height):
        for x in range(width):
            weight = np.int32(weights[y, x])
            if weight == _WHOLE:
                continue
            for band in range(bands):
                own = 16 * weight * np.int32(colours[y, x, band])
                other = (_WHOLE - weight) * _between(coarse, y, x, band)
                colours[y, x, band] = (own + other + 8 * _WHOLE) // (16 * _WHOLE)


@compiled
def _smooth(colours: Colours, weights: Bytes) -> None:
    """Set each pixel without weight to the mean of its neighbours, forwards and backwards."""
    height, width, bands = colours.shape
    for turn in range(2):
        for row in range(height):
            y = row if turn == 0 else height - 1 - row
            above, below = max(y - 1, 0), min(y + 1, height - 1)
            for column in range(width):
                x = column if turn == 0 else width - 1 - column
                if weights[y, x]:
                    continue
                left, right = max(x - 1, 0), min(x + 1, width - 1)
                for band in range(bands):
                    total = (
                        np.int32(colours[above, x, band])
                        + np.int32(colours[below, x, band])
                        + np.int32(colours[y, left, band])
                        + np.int32(colours[y, right, band])
                    )
                    colours[y, x, band] = (total + 2) // 4


@compiled
def _fill_frame(coarse: Colours, frame: Bytes) -> None:
    """Give the fully transparent pixels of a frame the colours of the first level."""
    alpha = frame.shape[2] - 1
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            if frame[y, x, alpha] == 0:
                for band in range(alpha):
                    between = _between(coarse, y, x, band)
                    frame[y, x, band] = (between + 8 * _FINE) // (16 * _FINE)
