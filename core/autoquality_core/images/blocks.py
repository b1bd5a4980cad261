"""The constants of block coding: 8 x 8 cosine transform, quantisation tables, bands; and samples
of an image's blocks.

A block's 64 coefficients are in the order (vertical frequency, horizontal
frequency).
"""

from __future__ import annotations

import numpy as np

from autoquality_core.runtime.arrays import Bytes, Floats, Indices

BLOCK = 8
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601."""

CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
"""Cb and Cr of red, green and blue (ITU-T T.871), without the 128 that is added to them."""

_GOLDEN = 0.6180339887498949

# mozjpeg's quantisation table 3 for luma at quality 50, not yet clipped to 255.
_MOZJPEG_3 = (
    *(16, 16, 16, 18, 25, 37, 56, 85, 16, 17, 20, 27, 34, 40, 53, 75),
    *(16, 20, 24, 31, 43, 62, 91, 135, 18, 27, 31, 40, 53, 74, 106, 156),
    *(25, 34, 43, 53, 69, 94, 131, 189, 37, 40, 62, 74, 94, 124, 169, 238),
    *(56, 53, 91, 106, 131, 169, 226, 311, 85, 75, 135, 156, 189, 238, 311, 418),
)


def cosine_transform() -> Floats:
    """The orthonormal DCT-II of a block as a matrix, (64, 64): coefficients = matrix @ pixels."""
    frequency, place = np.mgrid[0:BLOCK, 0:BLOCK]
    line = np.sqrt(2 / BLOCK) * np.cos((2 * place + 1) * frequency * np.pi / (2 * BLOCK))
    line[0] /= np.sqrt(2)
    return np.kron(line, line).astype(np.float32)


def jpeg_table(quality: int) -> Floats:
    """The steps of a JPEG by mozjpeg's table 3 at a quality, (64,); libjpeg's scaling."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    steps = (np.array(_MOZJPEG_3) * scale + 50) // 100
    return np.asarray(np.clip(steps, 1, 255), np.float32)


def flat_table(step: float) -> Floats:
    """The same step for every frequency, (64,)."""
    return np.full(BLOCK * BLOCK, step, np.float32)


def bands() -> Floats:
    """Which frequencies are taken together, (64, 8), each column a mean over its own.

    Horizontal and vertical apart, since encoders predict from neighbours in a
    direction; the average brightness is in none.
    """
    down, across = (axis.ravel() for axis in np.mgrid[0:BLOCK, 0:BLOCK])
    slant = (down > 0) & (across > 0)
    total = down + across
    masks = (
        (down == 0) & (across > 0) & (across <= 2),
        (across == 0) & (down > 0) & (down <= 2),
        (down == 0) & (across > 2),
        (across == 0) & (down > 2),
        slant & (total <= 3),
        slant & (total > 3) & (total <= 6),
        slant & (total > 6) & (total <= 9),
        slant & (total > 9),
    )
    return np.array([mask / mask.sum() for mask in masks], np.float32).T


def at_least(frame: Bytes, side: int) -> Bytes:
    """A frame (height, width, bands), padded to `side` by repeating its edges."""
    short = [max(side - extent, 0) for extent in frame.shape[:2]]
    if any(short):
        frame = np.pad(frame, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge")
        frame.flags.writeable = False  # numba would compile for both kinds
    return frame


def spread(down: int, across: int, count: int) -> tuple[Indices, Indices]:
    """Rows and columns of `count` of down x across squares, evenly spaced along the rows.

    Each row is rotated by a golden section of its length, so that the samples do not line up in
    columns. Of fewer squares, all are taken about equally often.
    """
    at = ((np.arange(count) + 0.5) * (down * across / count)).astype(np.intp)
    rows, columns = np.divmod(at, across)
    return rows, (columns + (rows * (_GOLDEN * across)).astype(np.intp)) % across


def squares(frame: Bytes, side: int, rows: Indices, columns: Indices) -> Bytes:
    """The squares of `side` pixels at `rows` and `columns`: (n, side, side, bands)."""
    down, across = frame.shape[0] // side, frame.shape[1] // side
    grid = frame[: down * side, : across * side].reshape(down, side, across, side, -1)
    return grid.transpose(0, 2, 1, 3, 4)[rows, columns]
