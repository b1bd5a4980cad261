"""Curves of one sample over quality 1 to 100, through the qualities that were swept."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import Encoder
from autoquality_core.images import Pixels
from autoquality_core.metrics import METRICS, Metric
from autoquality_core.priors import SIZE, USUAL_SIDE, border_effect, score_prior, size_prior
from autoquality_core.search.curve import QUALITIES
from autoquality_train.labels.sweeps import SWEPT, USUAL, Sweep

FloatArray = npt.NDArray[np.float32]

CURVES = (*METRICS, SIZE)
"""The names of all curves."""

_USUAL_PIXELS = USUAL_SIDE * USUAL_SIDE


def all_curves(sweep: Sweep, setting: str, pixels: int) -> dict[str, FloatArray]:
    """Every curve of an image of `pixels`, (100,) each, by its name."""
    scores = {name: score_curve(sweep, setting, one, pixels) for name, one in METRICS.items()}
    return scores | {SIZE: size_curve(sweep, setting, pixels)}


def score_curve(sweep: Sweep, setting: str, metric: Metric, pixels: int) -> FloatArray:
    """The values of a metric for an image of `pixels`, shape (100,), finite, exact where swept.

    They are those that an image of the usual size would have, without its `border_effect`.
    """
    mean = score_prior(_usual(setting), metric, _USUAL_PIXELS).mean
    values = sweep.values(metric) - border_effect(metric, pixels)
    return _interpolated(values, sweep, mean, setting)


def size_curve(sweep: Sweep, setting: str, pixels: int) -> FloatArray:
    """log(payload bytes per pixel) of an image of `pixels`, shape (100,), exact where swept.

    The payload is the file without its `overhead`. Images of any size have about the same curve
    then.
    """
    mean = size_prior(_usual(setting), _USUAL_PIXELS).mean
    payload = np.maximum(sweep.bytes_per_pixel * pixels - overhead(setting), 1.0)
    return _interpolated(np.log(payload / pixels), sweep, mean, setting)


@cache
def overhead(setting: str) -> int:
    """The bytes of a file without detail."""
    blank = Pixels(np.full((1, 16, 16, 3), 128, np.uint8))
    return len(SWEPT[setting].encode(blank, 50))


def step_of(setting: str) -> int | None:
    """The quality from which on a setting has full chroma; None if chroma does not change."""
    return SWEPT[setting].whole_chroma_from


def _usual(setting: str) -> Encoder:
    return SWEPT[USUAL.get(setting, setting)]


def _interpolated(
    values: npt.NDArray[np.float64], sweep: Sweep, mean: npt.NDArray[np.float64], setting: str
) -> FloatArray:
    """A curve through `values`.

    It interpolates the distance from the `mean` curve of the usual setting linearly, which
    preserves the bends of all curves. It does not interpolate across the step where chroma becomes
    full. A setting without that step follows the mean without it.
    """
    swept = sweep.qualities - 1
    step = step_of(setting)
    if step is None and (usual := step_of(USUAL.get(setting, setting))):
        mean = mean.copy()
        mean[: usual - 1] += mean[usual - 1] - 2 * mean[usual - 2] + mean[usual - 3]
    away = values - mean[swept]
    curve = mean + np.interp(QUALITIES, swept + 1, away)
    below = swept + 1 < (step or 0)
    if below.any():
        part = (step or 0) > QUALITIES
        curve[part] = mean[part] + np.interp(QUALITIES[part], swept[below] + 1, away[below])
    curve[swept] = values
    # Equivalent qualities get one value: that of the swept one, if any.
    first = np.array(SWEPT[setting].equivalents(has_alpha=False)) - 1
    for quality in swept:
        curve[first[quality]] = curve[quality]
    found: FloatArray = curve[first].astype(np.float32)
    return found
