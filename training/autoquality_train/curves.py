"""Curves of one sample at quality 1 to 100, drawn through the qualities that were swept."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from autoquality_core.images import Pixels
from autoquality_core.metrics import DSSIM
from autoquality_core.priors import score_prior, size_prior
from autoquality_train.sweeps import SWEPT, Sweep

FloatArray = npt.NDArray[np.float32]

_USUAL_PIXELS = 448 * 448


def curve(sweep: Sweep, setting: str) -> FloatArray:
    """-log(DSSIM); shape (100,), finite, exact where swept."""
    mean = score_prior(SWEPT[setting], DSSIM, _USUAL_PIXELS).mean
    return _drawn(sweep.dssim_values, sweep, mean, setting)


def size_curve(sweep: Sweep, setting: str, pixels: int) -> FloatArray:
    """log(payload bytes per pixel) of an image of `pixels`; shape (100,), exact where swept.

    The payload is what is beyond the file's `overhead`: without it, images of
    any size have about the same curve.
    """
    mean = size_prior(SWEPT[setting], _USUAL_PIXELS).mean
    payload = np.maximum(sweep.bytes_per_pixel * pixels - overhead(setting), 1.0)
    return _drawn(np.log(payload / pixels), sweep, mean, setting)


@cache
def overhead(setting: str) -> int:
    """The bytes of a file that shows next to nothing."""
    nothing = Pixels.from_samples(np.full((1, 16, 16, 3), 128, np.uint8))
    return len(SWEPT[setting].encode(nothing, 50))


def _drawn(
    values: npt.NDArray[np.float64], sweep: Sweep, mean: npt.NDArray[np.float64], setting: str
) -> FloatArray:
    """A curve through `values`.

    In between, what is interpolated (linearly) is how far the curve is from the
    encoder's mean one: bends and steps that all curves share are kept.
    """
    swept = sweep.qualities - 1
    between = mean + np.interp(np.arange(100), swept, values - mean[swept])
    between[swept] = values
    # Of equivalent qualities, either was swept, or both are interpolated as one.
    first = np.array(SWEPT[setting].equivalents(has_alpha=False)) - 1
    for quality in swept:
        between[first[quality]] = between[quality]
    found: FloatArray = between[first].astype(np.float32)
    return found
