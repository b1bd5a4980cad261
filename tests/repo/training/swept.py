"""Images with curves made by hand."""

from __future__ import annotations

import numpy as np

from autoquality_core.images import ImageLimits, Pixels, from_raw
from autoquality_core.types import RawSource
from autoquality_train.judging.swept import Swept
from autoquality_train.sweeps import FloatArray, Sweep

SIDE = 512


def grey(side: int = SIDE) -> Pixels:
    """A grey image."""
    return from_raw(RawSource(side, side, 1, bytes(side * side)), ImageLimits(2**30, 2**30))


def swept(dssim: FloatArray, setting: str = "webp", kind: str = "photos") -> Swept:
    """An image whose DSSIM at quality 1 to 100 is `dssim`, shape (100,)."""
    sizes = np.linspace(0.1, 2.0, 100)
    return Swept("made.png", kind, grey(), setting, Sweep(np.arange(1, 101), dssim, sizes))


def line() -> FloatArray:
    """A DSSIM that falls by 0.0005 a step, from 0.05 at quality 1: 0.02 at 61, 0.0005 at 100."""
    return np.asarray(0.05 - 0.0005 * np.arange(100), np.float64)
