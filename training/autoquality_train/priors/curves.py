"""What an encoder's curves look like before the search sees the image.

The mean of each metric's values and of log(bytes per pixel) over quality, their principal
components, and how rough they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.metrics import METRICS, Metric
from autoquality_core.priors import SIZE, size_noise_scale
from autoquality_train.labels.sweeps import Sweep
from autoquality_train.priors import rounded, write_learned
from autoquality_train.scales import SCALES

FloatArray = npt.NDArray[np.float64]

COMPONENTS = 5

USUAL = slice(9, 95)
"""Qualities 10 to 95. The ends of the scale say little about the roughness of a curve."""


ALLOWANCE_PIXELS = 512 * 512
"""The size of images that falls are scaled to, as `size_noise_scale` does."""


@dataclass(frozen=True, slots=True)
class SizedSweep:
    """A sweep at every quality, and the number of pixels of its image."""

    sweep: Sweep
    pixels: int


def learn(curves: FloatArray, allowance: float) -> dict[str, Any]:
    """The prior of `curves`, shape (images, 100), which rise with quality."""
    mean = curves.mean(axis=0)
    rest = curves - mean
    _, scale, directions = np.linalg.svd(rest, full_matrices=False)
    kept = min(COMPONENTS, len(scale))
    components = directions[:kept] * scale[:kept, None] / np.sqrt(len(curves))
    residuals = rest - rest @ directions[:kept].T @ directions[:kept]
    # Smooth curves have almost no second difference; white noise of standard deviation s has
    # one of s * sqrt(6). Steps that all curves share are in the mean.
    noise = np.diff(rest[:, USUAL], n=2, axis=1).std(axis=1) / np.sqrt(6)
    return {
        "mean": rounded(mean, 4),
        "components": rounded(components, 4),
        "residual": round(float(residuals.std()), 5),
        "noise": round(max(float(np.median(noise)), 0.001), 5),
        "allowance": round(allowance, 4),
    }


def falls(curves: FloatArray, matters: npt.NDArray[np.bool_]) -> FloatArray:
    """The greatest fall of each curve where `matters` is True; shape (images,)."""
    fall = np.maximum.accumulate(curves, axis=1) - curves
    most: FloatArray = np.where(matters, fall, 0.0)[:, USUAL].max(axis=1)
    return most


def fit(known: Sequence[SizedSweep], names: Sequence[str]) -> dict[str, Any]:
    """The priors of the curves `names` of one encoder setting.

    The allowances are percentiles: to allow for the few roughest images of a corpus would cost a
    probe in every search that ends between two qualities. Budgets get a higher percentile.
    """
    return {name: _size(known) if name == SIZE else _scores(known, METRICS[name]) for name in names}


def write(
    path: Path,
    setting: str,
    known: Sequence[SizedSweep],
    names: Sequence[str],
    corpus: str,
    images: int,
) -> None:
    """Write the priors of one encoder setting, learned from `images` images of `corpus`."""
    write_learned(path, setting, fit(known, names), corpus=corpus, images=images)


def _scores(known: Sequence[SizedSweep], metric: Metric) -> dict[str, Any]:
    values = np.array([one.sweep.values(metric) for one in known])
    low, high = sorted(metric.value(score) for score in SCALES[metric.name].usual)
    fall = falls(values, (values > low) & (values < high)) / _noise_scale(known)
    allowance = max(0.01, float(np.percentile(fall, 95)))
    return {**learn(values, allowance), "allowance_pixels": ALLOWANCE_PIXELS}


def _noise_scale(known: Sequence[SizedSweep]) -> FloatArray:
    return size_noise_scale(np.array([one.pixels for one in known]))


def _size(known: Sequence[SizedSweep]) -> dict[str, Any]:
    sizes = np.log([one.sweep.bytes_per_pixel for one in known])
    fall = falls(sizes, np.ones(sizes.shape, np.bool_)) / _noise_scale(known)
    return learn(sizes, max(0.002, float(np.percentile(fall, 98))))
