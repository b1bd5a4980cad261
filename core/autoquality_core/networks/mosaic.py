"""An image as our own networks see it: native pixels, laid side by side.

DSSIM depends on detail that shrinking takes away. So the image is not squeezed:
tiles of 16 x 16 pixels, spread evenly over it and aligned with the blocks that
encoders work in, are laid side by side into one picture of 416 x 416.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from autoquality_core.images.pixels import Pixels
from autoquality_core.networks.input import SIDE

TILE = 16
"""The side of a tile in pixels: a JPEG's MCU with halved chroma, a WebP's macroblock."""

PER_SIDE = SIDE // TILE
TILES = PER_SIDE * PER_SIDE

_GOLDEN = 0.6180339887498949
_WHITE = 255


def mosaic(pixels: Pixels) -> npt.NDArray[np.uint8]:
    """676 tiles of the first frame, alpha over white, grey as RGB.

    Returns the shape (416, 416, 3), R first, 0 to 255, contiguous. An image of
    fewer tiles shows some of them repeatedly, all about equally often; what is
    left of a row or column that does not fill a tile is not seen, unless the
    whole image is smaller than one: its edge is repeated then.
    """
    frame = pixels.samples[0]
    short = [max(TILE - side, 0) for side in frame.shape[:2]]
    if any(short):
        frame = np.pad(frame, ((0, short[0]), (0, short[1]), (0, 0)), mode="edge")
    down, across = frame.shape[0] // TILE, frame.shape[1] // TILE
    grid = frame[: down * TILE, : across * TILE].reshape(down, TILE, across, TILE, -1)
    rows, columns = spread(down, across)
    tiles = _rgb(grid.transpose(0, 2, 1, 3, 4)[rows, columns])
    side_by_side = tiles.reshape(PER_SIDE, PER_SIDE, TILE, TILE, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(side_by_side).reshape(SIDE, SIDE, 3)


def spread(down: int, across: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Which 676 of `down` x `across` tiles to take: rows and columns, each of shape (676,).

    Evenly spaced along the rows of tiles, each row turned by a golden section
    of its length, so that the samples form no columns.
    """
    at = ((np.arange(TILES) + 0.5) * (down * across / TILES)).astype(np.intp)
    rows, columns = np.divmod(at, across)
    turned = (columns + (rows * (_GOLDEN * across)).astype(np.intp)) % across
    return rows, turned


def _rgb(tiles: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Tiles of 1 to 4 samples a pixel as RGB, alpha over white."""
    bands = tiles.shape[-1]
    if bands in (2, 4):
        alpha = tiles[..., -1:].astype(np.uint16)
        over = tiles[..., :-1] * alpha + _WHITE * (_WHITE - alpha)
        tiles = ((over + _WHITE // 2) // _WHITE).astype(np.uint8)
    return np.broadcast_to(tiles, (*tiles.shape[:-1], 3))
