"""The constants that tiles are looked at by: those of block coding, and the metric's windows.

A tile is 16 x 16 pixels, four blocks; its 256 pixels are in the order (block
row, block column, row, column).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_core.images.blocks import (
    BLOCK,
    LUMA,
    FloatArray,
    bands,
    cosine_transform,
    flat_table,
    jpeg_table,
)

__all__ = [
    "BLOCK",
    "LUMA",
    "TILE",
    "FloatArray",
    "bands",
    "cosine_transform",
    "flat_table",
    "jpeg_table",
    "windows",
]

TILE = 16

_SIGMA = 1.5
_RADIUS = 5

_CENTRES = (2, 6, 9, 13)
"""Rows and columns of a tile that windows stand on: two each side of the seam between blocks."""


def windows() -> FloatArray:
    """16 Gaussian windows of SSIM over a tile, (256, 16), each of sum 1.

    Those of the metric (11 x 11, sigma 1.5); what would reach over the tile's
    edge, at most a tenth of the weight, is left out.
    """
    place = np.arange(TILE)
    lines = []
    for centre in _CENTRES:
        line = np.exp(-0.5 * ((place - centre) / _SIGMA) ** 2)
        line[np.abs(place - centre) > _RADIUS] = 0
        lines.append(line / line.sum())
    found = [_by_block(np.outer(one, other)) for one in lines for other in lines]
    return np.array(found, np.float32).T


def _by_block(tile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return tile.reshape(2, BLOCK, 2, BLOCK).transpose(0, 2, 1, 3).reshape(TILE * TILE)
