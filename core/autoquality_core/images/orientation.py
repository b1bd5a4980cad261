"""EXIF orientation: turning and mirroring frames by the TIFF tag 274, "Orientation"."""

from __future__ import annotations

from typing import TypeVar, cast

import numpy as np

from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.runtime.codecs import pyvips

S = TypeVar("S", bound=Samples)


def swaps_sides(orientation: int) -> bool:
    """Whether the upright image has width and height exchanged."""
    return orientation in (5, 6, 7, 8)


def upright(samples: S, orientation: int) -> S:
    """The upright frames of (frames, height, width, bands); unchanged for unknown values."""
    if orientation not in range(2, 9):
        return samples
    first = _turned(samples[0], orientation)
    if len(samples) == 1:
        return cast("S", first[np.newaxis])
    turned = np.empty((len(samples), *first.shape), samples.dtype)
    for frame, place in zip(samples, turned, strict=True):
        place[:] = _turned(frame, orientation)
    return cast("S", turned)


def _turned(frame: Samples, orientation: int) -> Samples:
    image = pyvips.Image.new_from_array(np.ascontiguousarray(frame)).copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image = image.autorot()
    found: Samples = image.numpy()
    return found.reshape(image.height, image.width, frame.shape[-1])
