"""The regression from an image's features to its curves, one for each encoder setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.images import Pixels
from autoquality_core.metrics import METRICS
from autoquality_core.priors import SIZE
from autoquality_core.priors.features import luma_features, with_chroma
from autoquality_core.priors.regression import inputs, scaled
from autoquality_train.basis import Basis
from autoquality_train.examples import folds
from autoquality_train.labels.curves import all_curves, overhead
from autoquality_train.labels.sweeps import Sweep
from autoquality_train.priors import rounded, write_learned

FloatArray = npt.NDArray[np.float64]

COMPONENTS = 8
_FOLDS = 5
RIDGE, _LANDMARK_RIDGE = 3.0, 0.1
"""Regularisation of the weights. It is weaker for landmarks, whose inputs are small for most
samples."""

_LANDMARKS = 256
_ROUNDS = 15
"""Iterations of Lloyd's k-means, which places the landmarks."""

_INLIERS = 0.8
"""The share of the samples, by error, that the covariance is learned from."""

_USED = slice(19, 90)
"""Qualities 20 to 90, for which the width of the errors is fitted."""

_NORMAL_MEDIAN = 0.4549
"""The median of the square of a standard normal variable."""


@dataclass(frozen=True, slots=True)
class Row:
    """One sample: its features without and with those of the chroma, the curves, the group."""

    features: FloatArray
    with_chroma: FloatArray
    curves: Mapping[str, npt.NDArray[np.float32]]
    group: str

    @classmethod
    def of(cls, pixels: Pixels, sweeps: dict[str, Sweep], group: str) -> dict[str, Row]:
        """The rows of a sample by setting, from its sweeps by setting."""
        features = luma_features(pixels)
        colours = with_chroma(features, pixels)
        area = pixels.width * pixels.height
        return {
            setting: cls(features, colours, all_curves(sweep, setting, area), group)
            for setting, sweep in sweeps.items()
        }

    def features_for(self, curve: str) -> FloatArray:
        """The features that the regression of a curve uses."""
        colour = curve == SIZE or METRICS[curve].sees_color
        return self.with_chroma if colour else self.features


def learn(
    features: FloatArray,
    curves: npt.NDArray[np.float32],
    groups: Sequence[str],
    *,
    seed: int,
    landmarks: int = _LANDMARKS,
    strength: float = RIDGE,
) -> tuple[dict[str, Any], FloatArray]:
    """A regression from features (n, f) to curves (n, 100), and its errors (n, 100).

    The errors and their covariance come from cross-validation.
    """
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    near = scaled(features, centre, spread)
    basis = Basis.of(curves, COMPONENTS)
    wanted = basis.coefficients(curves).astype(np.float64)
    fold = folds(groups, _FOLDS, seed)
    away = np.empty_like(wanted)
    for number in range(_FOLDS):
        others = fold != number
        places = landmarks_of(near[others], landmarks, seed)
        weights = ridge(
            inputs(near[others], places), wanted[others], near.shape[1], strength=strength
        )
        away[~others] = wanted[~others] - inputs(near[~others], places) @ weights
    residuals = basis.residuals(curves)
    errors = away @ basis.components + residuals
    size = np.sqrt((errors[:, _USED] ** 2).mean(axis=1))
    usual = size <= np.quantile(size, _INLIERS)
    covariance = away[usual].T @ away[usual] / usual.sum()
    residual = float(residuals[usual].std())
    variances = np.diag(basis.components.T @ covariance @ basis.components) + residual**2
    wider = float(np.median((errors**2 / variances)[:, _USED])) / _NORMAL_MEDIAN
    places = landmarks_of(near, landmarks, seed)
    weights = ridge(inputs(near, places), wanted, near.shape[1], strength=strength)
    found = {
        "centre": rounded(centre),
        "spread": rounded(spread),
        "landmarks": rounded(places, 2),
        "weights": rounded(weights.T),
        "mean": rounded(basis.mean),
        "components": rounded(basis.components),
        "covariance": rounded(covariance * wider),
        "residual": round(residual * wider**0.5, 5),
    }
    return found, errors


def write(
    path: Path, setting: str, rows: Sequence[Row], names: Sequence[str], corpus: str, *, seed: int
) -> dict[str, float]:
    """Write the regressions of the curves `names`; returns the median error of each."""
    groups = [row.group for row in rows]
    fitted, median_errors = {}, {}
    for name in names:
        features = np.array([row.features_for(name) for row in rows])
        curves = np.array([row.curves[name] for row in rows])
        fitted[name], errors = learn(features, curves, groups, seed=seed)
        fitted[name]["overhead"] = overhead(setting) if name == SIZE else 0
        median_errors[name] = round(float(np.median(np.abs(errors[:, _USED]))), 4)
    write_learned(
        *(path, setting, fitted),
        corpus=corpus,
        images=len(set(groups)),
        samples=len(rows),
        seed=seed,
        median_error=median_errors,
    )
    return median_errors


def landmarks_of(features: FloatArray, most: int, seed: int) -> FloatArray:
    """Up to `most` cluster centres (m, f) of scaled `features` (n, f), rounded as in the file."""
    count = min(most, len(features) // 4)
    drawn = np.random.default_rng(seed).choice(len(features), count, replace=False)
    found = features[drawn]
    for _ in range(_ROUNDS):
        away = (found * found).sum(axis=1) - 2 * features @ found.T
        nearest = away.argmin(axis=1)
        members = nearest[None, :] == np.arange(count)[:, None]
        each = members.sum(axis=1, keepdims=True)
        found = np.where(each > 0, members @ features / np.maximum(each, 1), found)
    return np.round(found, 2)


def ridge(
    seen: FloatArray, wanted: FloatArray, features: int, *, strength: float = RIDGE
) -> FloatArray:
    """Weights (inputs, outputs) of a ridge regression; the constant is not regularised."""
    plain = 1 + 2 * features
    each = np.full(seen.shape[1], _LANDMARK_RIDGE * strength / RIDGE)
    each[:plain] = strength
    each[0] = 0
    gram = seen.T @ seen + np.diag(each)
    return np.asarray(np.linalg.solve(gram, seen.T @ wanted), np.float64)
