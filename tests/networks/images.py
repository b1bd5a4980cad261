"""Decoded images for the tests of networks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage import data

from autoquality_core.images.pixels import Pixels


def pixels(frames: npt.NDArray[np.uint8]) -> Pixels:
    """Pixels of the samples (frames, height, width, bands)."""
    return Pixels(frames, (100,) * len(frames) if len(frames) > 1 else ())


def plain(colour: tuple[int, ...], width: int = 64, height: int = 48) -> Pixels:
    """One frame of one colour."""
    return pixels(np.full((1, height, width, len(colour)), colour, np.uint8))


def photograph() -> Pixels:
    """A colour photograph, 512 x 512."""
    return pixels(data.astronaut()[np.newaxis])
