"""What the search knows of each encoder's curves before it sees an image.

From sweeps at every quality: the mean of -log(DSSIM) and of log(bytes per
pixel) over quality, their principal components, and how rough they are. The
files are those of `autoquality_core/priors`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import library_versions
from autoquality_core.priors import size_noise_scale
from autoquality_train.files import write_text
from autoquality_train.sweeps import Sweep

FloatArray = npt.NDArray[np.float64]

COMPONENTS = 5

USUAL = slice(9, 95)
"""Qualities 10 to 95: the ends of the scale are too odd to say how rough a curve is."""

TARGETS = (0.002, 0.06)
"""The DSSIM between which a curve's turning back matters."""


@dataclass(frozen=True, slots=True)
class Known:
    """A sweep at every quality, and of how many pixels."""

    sweep: Sweep
    pixels: int


def learn(curves: FloatArray, allowance: float) -> dict[str, object]:
    """The prior of `curves`, shape (images, 100), each rising with quality."""
    mean = curves.mean(axis=0)
    rest = curves - mean
    _, scale, directions = np.linalg.svd(rest, full_matrices=False)
    kept = min(COMPONENTS, len(scale))
    components = directions[:kept] * scale[:kept, None] / np.sqrt(len(curves))
    left = rest - rest @ directions[:kept].T @ directions[:kept]
    # What is smooth has next to no second difference; white noise of standard
    # deviation s has one of s * sqrt(6). Steps that all curves share are in the mean.
    rough = np.diff(rest[:, USUAL], n=2, axis=1).std(axis=1) / np.sqrt(6)
    return {
        "mean": _rounded(mean),
        "components": [_rounded(one) for one in components],
        "residual": round(float(left.std()), 5),
        "noise": round(max(float(np.median(rough)), 0.001), 5),
        "allowance": round(allowance, 4),
    }


def falls(curves: FloatArray, matters: npt.NDArray[np.bool_]) -> FloatArray:
    """How far each curve turns back at most, where it matters; shape (images,)."""
    back = np.maximum.accumulate(curves, axis=1) - curves
    most: FloatArray = np.where(matters, back, 0.0)[:, USUAL].max(axis=1)
    return most


def fit(known: Sequence[Known]) -> dict[str, object]:
    """Both priors of one encoder setting.

    One or two images of a corpus are like no other. To provide for them would
    cost every search that ends between two qualities, so the allowances are
    what is usual; a budget is kept more strictly than a DSSIM.
    """
    dssim = np.array([one.sweep.dssim_values for one in known])
    size = np.log([one.sweep.bytes_per_pixel for one in known])
    low, high = -np.log(TARGETS[1]), -np.log(TARGETS[0])
    back = falls(dssim, (dssim > low) & (dssim < high))
    pixels = np.array([one.pixels for one in known])
    size_back = falls(size, np.ones(size.shape, np.bool_)) / size_noise_scale(pixels)
    return {
        "dssim": learn(dssim, max(0.01, float(np.percentile(back, 95)))),
        "size": learn(size, max(0.002, float(np.percentile(size_back, 98)))),
    }


def write(path: Path, setting: str, known: Sequence[Known], corpus: str, images: int) -> None:
    """Write the priors of one encoder setting, learned from `images` images of `corpus`."""
    learned: dict[str, Any] = {
        "encoder": setting,
        "corpus": corpus,
        "images": images,
        "versions": library_versions(),
        "curves": fit(known),
    }
    write_text(path, json.dumps(learned, separators=(",", ":")) + "\n")


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(float(value), 4) for value in values]
