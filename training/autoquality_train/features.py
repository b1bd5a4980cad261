"""The regression from the features of an image to its curves, one per encoder setting.

The files are those of `autoquality_core/priors/*.features.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import library_versions
from autoquality_core.priors.regression import inputs, scaled
from autoquality_train.basis import Basis
from autoquality_train.curves import overhead
from autoquality_train.examples import parts
from autoquality_train.files import write_text

FloatArray = npt.NDArray[np.float64]

COMPONENTS = 8
_PARTS = 5
_RIDGE, _LANDMARK_RIDGE = 3.0, 0.1
"""Pulls weights towards 0, as much as that many more samples that have nothing to say; what a
landmark has to say is small for most of the samples."""

_LANDMARKS = 256
_ROUNDS = 15
"""Of moving the landmarks to the middle of what is nearest to each (Lloyd's k-means)."""

_NEAREST = 0.8
"""Share of the samples whose errors are taken for usual; the rest are like no other."""

_USED = slice(19, 90)
"""Qualities 20 to 90, where it is settled how wide the errors are."""

_NORMAL_MEDIAN = 0.4549
"""The median of the square of a standard normal variable."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Samples of one encoder setting: features (n, f), curves and sizes (n, 100), n groups.

    `with_chroma` (n, g) are the features that sizes are predicted from.
    """

    features: FloatArray
    with_chroma: FloatArray
    curves: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.float32]
    groups: Sequence[str]


def learn(
    features: FloatArray, curves: npt.NDArray[np.float32], groups: Sequence[str], *, seed: int
) -> tuple[dict[str, Any], FloatArray]:
    """A regression, and its errors (n, 100) on images that it was not fitted to."""
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    near = scaled(features, centre, spread)
    basis = Basis.of(curves, COMPONENTS)
    wanted = basis.coefficients(curves).astype(np.float64)
    part = parts(groups, _PARTS, seed)
    away = np.empty_like(wanted)
    for number in range(_PARTS):
        others = part != number
        landmarks = _landmarks(near[others], seed)
        weights = _ridge(inputs(near[others], landmarks), wanted[others], near.shape[1])
        away[~others] = wanted[~others] - inputs(near[~others], landmarks) @ weights
    left = curves - basis.mean - basis.coefficients(curves) @ basis.components
    errors = away @ basis.components + left
    size = np.sqrt((errors[:, _USED] ** 2).mean(axis=1))
    usual = size <= np.quantile(size, _NEAREST)
    covariance = away[usual].T @ away[usual] / usual.sum()
    residual = float(left[usual].std())
    spreads = np.diag(basis.components.T @ covariance @ basis.components) + residual**2
    wider = float(np.median((errors**2 / spreads)[:, _USED])) / _NORMAL_MEDIAN
    landmarks = _landmarks(near, seed)
    found = {
        "centre": _rounded(centre),
        "spread": _rounded(spread),
        "landmarks": np.round(landmarks, 2).tolist(),
        "weights": _rounded(_ridge(inputs(near, landmarks), wanted, near.shape[1]).T),
        "mean": _rounded(basis.mean),
        "components": _rounded(basis.components),
        "covariance": _rounded(covariance * wider),
        "residual": round(residual * wider**0.5, 5),
    }
    return found, errors


def write(path: Path, setting: str, drawn: Drawn, corpus: str, *, seed: int) -> dict[str, float]:
    """Write the regression of one setting; returns the median error of each curve."""
    fitted, median_errors = {}, {}
    rows = {"dssim": (drawn.features, drawn.curves), "size": (drawn.with_chroma, drawn.sizes)}
    for name, (features, curves) in rows.items():
        fitted[name], errors = learn(features, curves, drawn.groups, seed=seed)
        fitted[name]["overhead"] = overhead(setting) if name == "size" else 0
        median_errors[name] = float(np.median(np.abs(errors[:, _USED])))
    learned = {
        "encoder": setting,
        "corpus": corpus,
        "images": len(set(drawn.groups)),
        "samples": len(drawn.groups),
        "seed": seed,
        "versions": library_versions(),
        "median_error": {name: round(error, 4) for name, error in median_errors.items()},
        "curves": fitted,
    }
    write_text(path, json.dumps(learned, separators=(",", ":")) + "\n")
    return median_errors


def _landmarks(features: FloatArray, seed: int) -> FloatArray:
    """Landmarks (m, f) that stand for all of scaled `features` (n, f), rounded as in the file."""
    count = min(_LANDMARKS, len(features) // 4)
    drawn = np.random.default_rng(seed).choice(len(features), count, replace=False)
    found = features[drawn]
    for _ in range(_ROUNDS):
        away = (found * found).sum(axis=1) - 2 * features @ found.T
        nearest = away.argmin(axis=1)
        shared = nearest[None, :] == np.arange(count)[:, None]
        each = shared.sum(axis=1, keepdims=True)
        found = np.where(each > 0, shared @ features / np.maximum(each, 1), found)
    return np.round(found, 2)


def _ridge(seen: FloatArray, wanted: FloatArray, numbers: int) -> FloatArray:
    """Weights (inputs, outputs) by least squares, all but the constant's held small."""
    plain = 1 + 2 * numbers
    held = np.full(seen.shape[1], _LANDMARK_RIDGE)
    held[:plain] = _RIDGE
    held[0] = 0
    return np.asarray(np.linalg.solve(seen.T @ seen + np.diag(held), seen.T @ wanted), np.float64)


def _rounded(values: npt.NDArray[Any]) -> Any:
    return np.round(np.asarray(values, np.float64), 5).tolist()
