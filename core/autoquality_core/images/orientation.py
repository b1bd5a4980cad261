"""EXIF orientation: turning and mirroring frames by the TIFF tag 274, "Orientation"."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np

from autoquality_core.images.colour.linear_light import Samples, read_only
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.compilation import compiled

_TURNS: dict[int, Callable[[Bytes], Bytes]] = {
    2: lambda frame: frame[:, ::-1],
    3: lambda frame: frame[::-1, ::-1],
    4: lambda frame: frame[::-1],
    5: lambda frame: frame.swapaxes(0, 1),
    6: lambda frame: frame[::-1].swapaxes(0, 1),
    7: lambda frame: frame[::-1, ::-1].swapaxes(0, 1),
    8: lambda frame: frame[:, ::-1].swapaxes(0, 1),
}
"""Views with the rows and columns of the upright image."""

_BLOCK = 32

S = TypeVar("S", bound=Samples)


def swaps_sides(orientation: int) -> bool:
    """Whether the upright image has width and height exchanged."""
    return orientation in (5, 6, 7, 8)


def upright(samples: S, orientation: int) -> S:
    """The upright frames of (frames, height, width, bands); unchanged for unknown values."""
    turn = _TURNS.get(orientation)
    if turn is None:
        return samples
    frames, height, width, bands = samples.shape
    shape = (width, height, bands) if swaps_sides(orientation) else (height, width, bands)
    turned = np.empty((frames, *shape), samples.dtype)
    for frame, place in zip(read_only(samples), turned, strict=True):
        if samples.dtype == np.uint8:
            _copy(turn(frame), place)
        else:
            place[:] = turn(frame)  # too few files to compile for
    return cast("S", turned)


@compiled
def _copy(view: Bytes, target: Bytes) -> None:
    """Copy a view of any strides, block by block, which keeps both sides in the cache.

    NumPy copies such views twenty times slower.
    """
    height, width, bands = target.shape
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            for row in range(top, min(top + _BLOCK, height)):
                for column in range(left, min(left + _BLOCK, width)):
                    for band in range(bands):
                        target[row, column, band] = view[row, column, band]
