"""How networks see an image: `squeeze` (imgproxy's way) and `mosaic` (ours).

DSSIM depends on detail that shrinking removes. The mosaic keeps it: it is a
picture of 416 x 416, made of tiles of 16 x 16 pixels. The tiles are spread evenly
over the image and aligned with the blocks of the encoders.

Both show the first frame, alpha over white, grey as RGB, and return the shape
(side, side, 3), R first, 0 to 255.
"""

from __future__ import annotations

import numpy as np

from autoquality_core.images.blocks import at_least, spread, squares
from autoquality_core.images.pixels import Pixels
from autoquality_core.runtime.arrays import Bytes

SIDE = 416

TILE = 16
"""The side of a tile in pixels: a JPEG's MCU with halved chroma, a WebP's macroblock."""

PER_SIDE = SIDE // TILE
TILES = PER_SIDE * PER_SIDE

_WHITE = 255


def squeeze(pixels: Pixels, side: int = SIDE) -> Bytes:
    """The whole image resized to `side` x `side`, without keeping the aspect ratio.

    Resizes with libvips (Lanczos 3 down, cubic up) as imgproxy does, so that
    networks of imgproxy get the input that they were trained with.
    """
    frame = pixels.image.crop(0, 0, pixels.width, pixels.height)
    if pixels.has_alpha:
        frame = frame.flatten(background=[float(_WHITE)] * (pixels.bands - 1))
    small = frame.resize(side / pixels.width, vscale=side / pixels.height).numpy()
    return np.broadcast_to(small.reshape(side, side, -1), (side, side, 3))


def mosaic(pixels: Pixels) -> Bytes:
    """676 tiles of the image, (416, 416, 3), contiguous.

    An image of fewer tiles shows them repeatedly, all about equally often. Rows
    and columns of pixels that do not fill a tile are left out. An image smaller
    than a tile repeats its edge.
    """
    frame = at_least(pixels.samples[0], TILE)
    down, across = frame.shape[0] // TILE, frame.shape[1] // TILE
    tiles = _rgb(squares(frame, TILE, *spread(down, across, TILES)))
    side_by_side = tiles.reshape(PER_SIDE, PER_SIDE, TILE, TILE, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(side_by_side).reshape(SIDE, SIDE, 3)


def _rgb(tiles: Bytes) -> Bytes:
    """Tiles of 1 to 4 samples a pixel as RGB, alpha over white."""
    bands = tiles.shape[-1]
    if bands in (2, 4):
        alpha = tiles[..., -1:].astype(np.uint16)
        over = tiles[..., :-1] * alpha + _WHITE * (_WHITE - alpha)
        tiles = ((over + _WHITE // 2) // _WHITE).astype(np.uint8)
    return np.broadcast_to(tiles, (*tiles.shape[:-1], 3))
