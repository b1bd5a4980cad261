"""EXIF orientation: turning and mirroring frames by the TIFF tag 274, "Orientation"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from autoquality_core.runtime.codecs import cv2

Frame = npt.NDArray[np.uint8]

_TURNS: dict[int, Callable[[Frame], cv2.typing.MatLike]] = {
    2: lambda frame: cv2.flip(frame, 1),
    3: lambda frame: cv2.rotate(frame, cv2.ROTATE_180),
    4: lambda frame: cv2.flip(frame, 0),
    5: lambda frame: cv2.transpose(frame),  # noqa: PLW0108 - cv2 is loaded late
    6: lambda frame: cv2.rotate(frame, cv2.ROTATE_90_CLOCKWISE),
    7: lambda frame: cv2.flip(cv2.rotate(frame, cv2.ROTATE_90_CLOCKWISE), 0),
    8: lambda frame: cv2.rotate(frame, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def swaps_sides(orientation: int) -> bool:
    """Whether the upright image has width and height exchanged."""
    return orientation in (5, 6, 7, 8)


def upright(samples: Frame, orientation: int) -> Frame:
    """The upright frames of (frames, height, width, bands); unchanged for unknown values."""
    turn = _TURNS.get(orientation)
    if turn is None:
        return samples
    frames, height, width, bands = samples.shape
    shape = (width, height, bands) if swaps_sides(orientation) else (height, width, bands)
    turned = np.empty((frames, *shape), np.uint8)
    for at, frame in enumerate(samples):
        turned[at] = np.asarray(turn(frame)).reshape(shape)
    return turned
