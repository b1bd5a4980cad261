"""The loops that replace hidden colours, compiled; whole numbers, so that all machines agree.

A level of the pyramid holds colours (height, width, colours), 64 times as fine
as samples, and their weights (height, width), 0 to 255.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_core.runtime.compilation import compiled, inlined

# numba keeps what it compiled while this file stays as it is: what that is made of stands here.
FINE = 64
_WHOLE = np.int32(255)

Colours = npt.NDArray[np.uint16]
Weights = npt.NDArray[np.uint8]
Samples = npt.NDArray[np.uint8]


@compiled
def hidden_pixels(frame: Samples) -> int:
    """How many pixels of a frame (height, width, bands), alpha last, are wholly transparent."""
    count = 0
    alpha = frame.shape[2] - 1
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            count += frame[y, x, alpha] == 0
    return count


@compiled
def blacken(frame: Samples) -> None:
    """Make the pixels black that are wholly transparent."""
    alpha = frame.shape[2] - 1
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            if frame[y, x, alpha] == 0:
                for band in range(alpha):
                    frame[y, x, band] = 0


@compiled
def halve_frame(frame: Samples, colours: Colours, weights: Weights) -> None:
    """Fill the first level from a frame: the mean of two by two pixels, weighted by alpha."""
    height, width, alpha = frame.shape[0], frame.shape[1], frame.shape[2] - 1
    for y in range(weights.shape[0]):
        top, below = 2 * y, min(2 * y + 1, height - 1)
        for x in range(weights.shape[1]):
            left, right = 2 * x, min(2 * x + 1, width - 1)
            a, b = np.int32(frame[top, left, alpha]), np.int32(frame[top, right, alpha])
            c, d = np.int32(frame[below, left, alpha]), np.int32(frame[below, right, alpha])
            whole = a + b + c + d
            weights[y, x] = min(whole, _WHOLE)
            for band in range(alpha):
                p, q = np.int32(frame[top, left, band]), np.int32(frame[top, right, band])
                r, s = np.int32(frame[below, left, band]), np.int32(frame[below, right, band])
                if whole == 4 * _WHOLE:
                    colours[y, x, band] = FINE // 4 * (p + q + r + s)
                elif whole == 0:
                    colours[y, x, band] = 0
                else:
                    total = FINE * (a * p + b * q + c * r + d * s)
                    colours[y, x, band] = (total + whole // 2) // whole


@compiled
def halve(fine: Colours, weights: Weights, colours: Colours, sums: Weights) -> None:
    """Fill `colours` and `sums`, a level, from the one below it."""
    height, width, bands = fine.shape
    for y in range(sums.shape[0]):
        top, below = 2 * y, min(2 * y + 1, height - 1)
        for x in range(sums.shape[1]):
            left, right = 2 * x, min(2 * x + 1, width - 1)
            a, b = np.int32(weights[top, left]), np.int32(weights[top, right])
            c, d = np.int32(weights[below, left]), np.int32(weights[below, right])
            whole = a + b + c + d
            sums[y, x] = min(whole, _WHOLE)
            for band in range(bands):
                p, q = np.int32(fine[top, left, band]), np.int32(fine[top, right, band])
                r, s = np.int32(fine[below, left, band]), np.int32(fine[below, right, band])
                if whole == 4 * _WHOLE:
                    colours[y, x, band] = (p + q + r + s + 2) // 4
                elif whole == 0:
                    colours[y, x, band] = 0
                else:
                    total = a * p + b * q + c * r + d * s
                    colours[y, x, band] = (total + whole // 2) // whole


@inlined
def _between(coarse: Colours, y: int, x: int, band: int) -> np.int32:
    """16 times the colour that a level has at a pixel of the one below it, interpolated."""
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
def spread(coarse: Colours, colours: Colours, weights: Weights) -> None:
    """Complete a level by the one above it: the less weight a pixel has, the more of that."""
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
def relax(colours: Colours, weights: Weights, rounds: int) -> None:
    """Draw each pixel without weight to its neighbours, in rounds there and back."""
    height, width, bands = colours.shape
    for turn in range(2 * rounds):
        for row in range(height):
            y = row if turn % 2 == 0 else height - 1 - row
            above, below = max(y - 1, 0), min(y + 1, height - 1)
            for column in range(width):
                x = column if turn % 2 == 0 else width - 1 - column
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
def fill_frame(coarse: Colours, frame: Samples) -> None:
    """Give the wholly transparent pixels of a frame the colours of the first level."""
    alpha = frame.shape[2] - 1
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            if frame[y, x, alpha] == 0:
                for band in range(alpha):
                    between = _between(coarse, y, x, band)
                    frame[y, x, band] = (between + 8 * FINE) // (16 * FINE)
