"""Numbers about an image that tell encoders apart: repetition, direction of edges, smooth areas.

Lossless encoders and JPEG XL save bytes where pixels repeat exactly, AVIF where edges have a
direction and large areas are smooth. Numba's disk cache depends on this file alone, so it contains
everything that is compiled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_core.images.blocks import squares
from autoquality_core.runtime.arrays import Bools, Bytes, Doubles, Indices
from autoquality_core.runtime.compilation import compiled

_Counts = npt.NDArray[np.int64]

BLOCK = 8
SIDE = 4
"""Blocks a side of a square, over which smooth areas are judged."""

NUMBERS = 6 + 8 + 4
_LEVELS = 512
_SLOTS = 1 << 14
"""Distinct colours are counted up to about this many."""


def repetition(frame: Bytes, rows: Indices, columns: Indices) -> Doubles:
    """Six numbers about the blocks at `rows` and `columns` of a frame (height, width, bands).

    The shares of pixels that equal a neighbour, of flat blocks, and of blocks that are flat or
    occur again; the logarithm of the number of colours; the entropy of what a lossless encoder
    codes for luma and for colour, in bits.
    """
    hashes = np.empty(rows.size, np.uint64)
    grey, colour = np.zeros(_LEVELS, np.int64), np.zeros(_LEVELS, np.int64)
    known = np.zeros(_SLOTS, np.bool_)
    equal = _count(frame, rows, columns, hashes, grey, colour, known)
    flat = int((hashes == 0).sum())
    different = np.unique(hashes[hashes != 0]).size
    # Colours share slots by chance: this many were drawn, most likely.
    free = max(1 - known.mean(), 1 / _SLOTS)
    return np.array(
        [
            equal / (rows.size * (BLOCK - 1) ** 2),
            flat / rows.size,
            1 - different / rows.size,
            np.log(1 - _SLOTS * np.log(free)),
            _entropy(grey),
            _entropy(colour),
        ]
    )


def edges(frame: Bytes, rows: Indices, columns: Indices) -> Doubles:
    """Eight numbers about the gradients in the blocks at `rows` and `columns` of a frame.

    How much of the gradients has one direction, by their strength and by blocks (from the
    structure tensor; Bigun and Granlund 1987); the logarithms of the mean strengths along and
    across that direction; percentiles of the logarithm of the strength; how sparse they are.
    """
    # Sums of integers below 2 ** 24 are exact.
    values = squares(_plane(frame), BLOCK, rows, columns)[..., 0].astype(np.float32)
    here = values[:, :-1, :-1]
    dx, dy = values[:, :-1, 1:] - here, values[:, 1:, :-1] - here
    xx, yy, xy = (
        np.einsum("nyx,nyx->n", *pair).astype(np.float64) for pair in ((dx, dx), (dy, dy), (dx, dy))
    )
    apart = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    along, across = ((xx + yy + one) / 2 / here[0].size for one in (apart, -apart))
    peak = (dx * dx + dy * dy).max(axis=(1, 2)).astype(np.float64)
    strength = along + across
    logarithms = np.log(strength + 1)
    return np.array(
        [
            (along - across).sum() / (strength.sum() + 1),
            ((along - across) / (strength + 1)).mean(),
            np.log(along.mean() + 1),
            np.log(across.mean() + 1),
            *np.percentile(logarithms, (10, 50, 90)),
            np.log((peak + 1) / (strength + 1)).mean(),
        ]
    )


def smoothness(frame: Bytes, rows: Indices, columns: Indices) -> Doubles:
    """Four numbers about squares of SIDE x SIDE blocks at `rows` and `columns` of a frame.

    A plane is fitted to the means of a square's blocks. The numbers are the logarithm of the mean
    variance of these means, the logarithm of the mean variance that the plane leaves, the mean of
    that variance's logarithm, and the share of squares where it is below 1.
    """
    blocks = squares(_plane(frame), SIDE * BLOCK, rows, columns)
    blocks = blocks.reshape(-1, SIDE, BLOCK, SIDE, BLOCK)
    sums = blocks.sum(axis=2, dtype=np.uint16).sum(axis=-1, dtype=np.uint16)
    means = sums.reshape(-1, SIDE * SIDE) / BLOCK**2
    means -= means.mean(axis=1, keepdims=True)
    variance = (means * means).mean(axis=1)
    place = np.arange(SIDE) - (SIDE - 1) / 2
    for slope in (np.repeat(place, SIDE), np.tile(place, SIDE)):
        means -= np.outer(means @ slope, slope) / (slope @ slope)
    rest = (means * means).mean(axis=1)
    return np.array(
        [
            np.log(variance.mean() + 1),
            np.log(rest.mean() + 1),
            np.log(rest + 1).mean(),
            (rest < 1).mean(),
        ]
    )


def _plane(frame: Bytes) -> Bytes:
    """The grey or green samples."""
    return frame[..., 1 if frame.shape[2] > 2 else 0]


def _entropy(counts: _Counts) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


@compiled
def _count(
    frame: Bytes,
    rows: Indices,
    columns: Indices,
    hashes: npt.NDArray[np.uint64],
    grey: _Counts,
    colour: _Counts,
    known: Bools,
) -> int:
    """Fill `hashes` (0 for a flat block), the histograms and the `known` colours.

    Returns how many pixels equal the one to the left or above.
    """
    equal = 0
    red, blue = (0, 2) if frame.shape[2] > 2 else (0, 0)
    green = 1 if frame.shape[2] > 2 else 0
    for at in range(rows.size):
        top, left = rows[at] * BLOCK, columns[at] * BLOCK
        code = np.uint64(14695981039346656037)  # FNV-1a
        flat = True
        for y in range(BLOCK):
            for x in range(BLOCK):
                one = frame[top + y, left + x]
                whole = np.uint64(one[red]) << np.uint64(16) | np.uint64(one[green]) << np.uint64(8)
                whole |= np.uint64(one[blue])
                code = (code ^ whole) * np.uint64(1099511628211)
                slot = (whole * np.uint64(11400714819323198485)) >> np.uint64(50)
                known[slot] = True
                if x == 0 or y == 0:
                    continue
                beside, above = frame[top + y, left + x - 1], frame[top + y - 1, left + x]
                corner = frame[top + y - 1, left + x - 1]
                same_left, same_up = True, True
                for band in (red, green, blue):
                    same_left &= one[band] == beside[band]
                    same_up &= one[band] == above[band]
                equal += same_left or same_up
                flat &= same_left and same_up
                g = np.int64(one[green])
                guess = np.int64(beside[green]) + np.int64(above[green]) - np.int64(corner[green])
                guess = np.int64(0) if guess < 0 else np.int64(255) if guess > 255 else guess
                grey[(g - guess) & (_LEVELS - 1)] += 1
                for band in (red, blue):
                    shift = np.int64(one[band]) - g
                    before = np.int64(beside[band]) - np.int64(beside[green])
                    colour[(shift - before) & (_LEVELS - 1)] += 1
        hashes[at] = np.uint64(0) if flat else max(code, np.uint64(1))
    return equal
