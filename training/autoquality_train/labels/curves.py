"""Curves of one sample over quality 1 to 100, through the qualities that were swept."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from autoquality_core.images import Pixels
from autoquality_core.metrics import METRICS, Metric
from autoquality_core.priors import SIZE, score_prior, size_prior
from autoquality_train.labels.sweeps import SWEPT, Sweep

FloatArray = npt.NDArray[np.float32]

CURVES = (*METRICS, SIZE)
"""The names of all curves."""

_USUAL_PIXELS = 448 * 448


def all_curves(sweep: Sweep, setting: str, pixels: int) -> dict[str, FloatArray]:
    """Every curve of an image of `pixels`, (100,) each, by its name."""
    scores = {name: score_curve(sweep, setting, metric) for name, metric in METRICS.items()}
    return scores | {SIZE: size_curve(sweep, setting, pixels)}


def score_curve(sweep: Sweep, setting: str, metric: Metric) -> FloatArray:
    """The values of a metric, shape (100,), finite, exact where swept."""
    mean = score_prior(SWEPT[setting], metric, _USUAL_PIXELS).mean
    return _interpolated(sweep.values(metric), sweep, mean, setting)


def size_curve(sweep: Sweep, setting: str, pixels: int) -> FloatArray:
    """log(payload bytes per pixel) of an image of `pixels`, shape (100,), exact where swept.

    The payload is the file without its `overhead`. Images of any size have about the same curve
    then.
    """
    mean = size_prior(SWEPT[setting], _USUAL_PIXELS).mean
    payload = np.maximum(sweep.bytes_per_pixel * pixels - overhead(setting), 1.0)
    return _interpolated(np.log(payload / pixels), sweep, mean, setting)


@cache
def overhead(setting: str) -> int:
    """The bytes of a file without detail."""
    blank = Pixels.from_samples(np.full((1, 16, 16, 3), 128, np.uint8))
    return len(SWEPT[setting].encode(blank, 50))


def _interpolated(
    values: npt.NDArray[np.float64], sweep: Sweep, mean: npt.NDArray[np.float64], setting: str
) -> FloatArray:
    """A curve through `values`.

    It interpolates the distance from the encoder's mean curve linearly, which preserves the bends
    and steps of all curves.
    """
    swept = sweep.qualities - 1
    curve = mean + np.interp(np.arange(100), swept, values - mean[swept])
    curve[swept] = values
    # Equivalent qualities get one value: that of the swept one, if any.
    first = np.array(SWEPT[setting].equivalents(has_alpha=False)) - 1
    for quality in swept:
        curve[first[quality]] = curve[quality]
    found: FloatArray = curve[first].astype(np.float32)
    return found
