"""The difference between two decoded images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoquality_core.errors import InvalidRequest
from autoquality_core.images import Pixels, Source, luma
from autoquality_core.images.timing import frames_together
from autoquality_core.metrics import dssim


@dataclass(frozen=True, slots=True)
class Comparison:
    """The DSSIM of two images and what was compared; height is of one frame."""

    dssim: float
    width: int
    height: int
    frames: int


def compared(first: Pixels, second: Pixels) -> Comparison:
    """Compare them over every window position, frame by frame.

    Raises InvalidRequest, with the reason SIZE_MISMATCH, for different sides.
    """
    check_sides(first, second)
    surfaces = _surfaces(first, second)
    found = dssim.compare(*surfaces)
    return Comparison(found, first.width, first.height, surfaces[0].shape[1])


def _surfaces(first: Pixels, second: Pixels) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The luma of both, frame by frame of what is on screen at the same time.

    Where only one has alpha, the other looks the same over any background.
    """
    one, other = luma(first), luma(second)
    surfaces = max(one.shape[0], other.shape[0])
    if first.frames > 1 or second.frames > 1:
        pairs = frames_together(first.delays, second.delays)
        one, other = (planes[:, at] for planes, at in zip((one, other), pairs, strict=True))
    shape = (surfaces, *one.shape[1:])
    return np.broadcast_to(one, shape), np.broadcast_to(other, shape)


def check_sides(first: Pixels | Source, second: Pixels | Source) -> None:
    """Raise InvalidRequest, with the reason SIZE_MISMATCH, for different sides."""
    if (first.width, first.height) != (second.width, second.height):
        raise InvalidRequest(
            "distorted",
            f"must be as large as the reference, {first.width}x{first.height};"
            f" is {second.width}x{second.height}",
            reason="SIZE_MISMATCH",
        )
