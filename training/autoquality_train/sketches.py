"""What sketches say of curves: a regression per encoder setting, and how far it is off.

The files are those of `autoquality_server/methods/priors/*.sketch.json`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_server.codecs import library_versions
from autoquality_server.methods.priors.sketched import inputs
from autoquality_train.basis import Basis
from autoquality_train.curves import overhead
from autoquality_train.examples import parts
from autoquality_train.files import write_text

FloatArray = npt.NDArray[np.float64]

COMPONENTS = 8
_PARTS = 5
_RIDGE = 3.0
"""Pulls weights towards 0, as much as that many more samples that have nothing to say."""

_NEAREST = 0.8
"""Share of the samples whose errors are taken for usual; the rest are like no other."""

_USED = slice(19, 90)
"""Qualities 20 to 90, where it is settled how wide the errors are."""

_NORMAL_MEDIAN = 0.4549
"""The median of the square of a standard normal variable."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Samples of one encoder setting: sketches (n, f), curves and sizes (n, 100), n groups."""

    sketches: FloatArray
    curves: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.float32]
    groups: Sequence[str]


def learn(
    sketches: FloatArray, curves: npt.NDArray[np.float32], groups: Sequence[str], *, seed: int
) -> tuple[dict[str, Any], FloatArray]:
    """A regression, and its errors (n, 100) on images that it was not fitted to."""
    centre, spread = sketches.mean(axis=0), sketches.std(axis=0) + 1e-3
    seen = inputs(sketches, centre, spread)
    basis = Basis.of(curves, COMPONENTS)
    wanted = basis.coefficients(curves).astype(np.float64)
    part = parts(groups, _PARTS, seed)
    away = np.empty_like(wanted)
    for number in range(_PARTS):
        others = part != number
        away[~others] = wanted[~others] - seen[~others] @ _ridge(seen[others], wanted[others])
    left = curves - basis.mean - basis.coefficients(curves) @ basis.components
    errors = away @ basis.components + left
    size = np.sqrt((errors[:, _USED] ** 2).mean(axis=1))
    usual = size <= np.quantile(size, _NEAREST)
    covariance = away[usual].T @ away[usual] / usual.sum()
    residual = float(left[usual].std())
    spreads = np.diag(basis.components.T @ covariance @ basis.components) + residual**2
    wider = float(np.median((errors**2 / spreads)[:, _USED])) / _NORMAL_MEDIAN
    found = {
        "centre": _rounded(centre),
        "spread": _rounded(spread),
        "weights": _rounded(_ridge(seen, wanted).T),
        "mean": _rounded(basis.mean),
        "components": _rounded(basis.components),
        "covariance": _rounded(covariance * wider),
        "residual": round(residual * wider**0.5, 5),
    }
    return found, errors


def write(path: Path, setting: str, drawn: Drawn, corpus: str, *, seed: int) -> dict[str, float]:
    """Write what sketches say of one setting; answers the median error of each curve."""
    fitted, told = {}, {}
    for name, curves in (("dssim", drawn.curves), ("size", drawn.sizes)):
        fitted[name], errors = learn(drawn.sketches, curves, drawn.groups, seed=seed)
        fitted[name]["overhead"] = overhead(setting) if name == "size" else 0
        told[name] = float(np.median(np.abs(errors[:, _USED])))
    learned = {
        "encoder": setting,
        "corpus": corpus,
        "images": len(set(drawn.groups)),
        "samples": len(drawn.groups),
        "seed": seed,
        "versions": library_versions(),
        "median_error": {name: round(error, 4) for name, error in told.items()},
        "curves": fitted,
    }
    write_text(path, json.dumps(learned, separators=(",", ":")) + "\n")
    return told


def _ridge(seen: FloatArray, wanted: FloatArray) -> FloatArray:
    """Weights (inputs, outputs) by least squares, all but the constant's held small."""
    held = _RIDGE * np.eye(seen.shape[1])
    held[0, 0] = 0
    return np.asarray(np.linalg.solve(seen.T @ seen + held, seen.T @ wanted), np.float64)


def _rounded(values: npt.NDArray[Any]) -> Any:
    return np.round(np.asarray(values, np.float64), 5).tolist()
