"""The bytes that each encoder setting needs for a score, jointly: `priors/formats.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import library_versions
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.priors.regression import inputs, scaled
from autoquality_train.examples import folds
from autoquality_train.files import write_json
from autoquality_train.labels.curves import overhead
from autoquality_train.labels.sweeps import SWEPT, USUAL, Sweep
from autoquality_train.priors import rounded
from autoquality_train.priors.features import landmarks_of, ridge

FloatArray = npt.NDArray[np.float64]

SCORES = (30.0, 50.0, 60.0, 70.0, 80.0, 85.0, 90.0)
"""The scores of SSIMULACRA2 whose bytes are learned: those of the words, and one more."""

_VALUES = np.array([SSIMULACRA2.value(score) for score in SCORES])

_FOLDS = 5
_LANDMARKS = 256
_CHAIN_RIDGE = 1.0
"""Regularises the regression of a setting's errors on those of others; sum of squares."""

_SCALE_RIDGE = 300.0
"""Regularises the scale of the errors, which is noisy."""

_BELOW, _ABOVE = (0.4, 3.0), (1.5, 4.0)
"""The least and the greatest slope of log bytes over values below and above the swept qualities. A
score that no quality reaches should look expensive."""

_ORDINARY = 3.0
"""Standard deviations at which an error is clipped before the covariance is learned."""


@dataclass(frozen=True, slots=True)
class Row:
    """One sample: its features with chroma, the log payloads by setting, the group."""

    features: FloatArray
    payloads: Mapping[str, FloatArray]
    group: str


def payloads(sweep: Sweep, setting: str, pixels: int) -> FloatArray:
    """The log payload bytes per pixel of an image of `pixels` at each of SCORES.

    Of several files that look good enough, the smallest counts. Scores out of the reach of the
    encoder are extrapolated. A setting without a quality has one number.
    """
    sizes = np.log(np.maximum(sweep.bytes_per_pixel * pixels - overhead(setting), 1.0) / pixels)
    if not SWEPT[setting].takes_quality:
        return sizes[:1]
    values = sweep.values(SSIMULACRA2)
    order = np.argsort(values, kind="stable")
    least = np.minimum.accumulate(sizes[order][::-1])[::-1]
    values, first = np.unique(values[order], return_index=True)
    least = least[first]
    found: FloatArray = np.interp(_VALUES, values, least)
    below, above = values[0] > _VALUES, values[-1] < _VALUES
    last = values.size - 1
    rise = _slope(values, least, (0, min(3, last)), _BELOW)
    found[below] += rise * (_VALUES[below] - values[0])
    rise = _slope(values, least, (max(last - 3, 0), last), _ABOVE)
    found[above] += rise * (_VALUES[above] - values[-1])
    return found


def learn(
    rows: Sequence[Row], settings: Sequence[str], *, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Everything in `formats.json` but its origin, and the median error of each setting.

    Rows need not have all settings. The errors come from cross-validation.
    A setting with
    a usual one in USUAL is learned as the distance from that.
    """
    features = np.array([row.features for row in rows])
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    near = scaled(features, centre, spread)
    landmarks = landmarks_of(near, _LANDMARKS, seed)
    seen, plain = inputs(near, landmarks), near.shape[1]
    fold = folds([row.group for row in rows], _FOLDS, seed)
    weights: dict[str, FloatArray] = {}
    errors: dict[str, FloatArray] = {}
    for setting in sorted(settings, key=lambda one: one in USUAL):
        usual = USUAL.get(setting)
        base = usual if usual in weights else None
        wanted = _column(rows, setting)
        known = ~np.isnan(wanted[:, 0])
        if base is not None:
            wanted = wanted - _column(rows, base)
            known &= ~np.isnan(wanted[:, 0])
        away = np.full_like(wanted, np.nan)
        for number in range(_FOLDS):
            others, mine = known & (fold != number), known & (fold == number)
            away[mine] = wanted[mine] - seen[mine] @ ridge(seen[others], wanted[others], plain)
        weights[setting] = ridge(seen[known], wanted[known], plain)
        errors[setting] = away
        if base is not None:
            weights[setting] = weights[setting] + weights[base]
            errors[setting] = away + errors[base]
    kept = [one for one in settings if one in weights]
    scales = {one: _scale(errors[one], seen, plain) for one in kept}
    ordinary = {one: _clipped(errors[one] / np.exp(seen @ scales[one])[:, None]) for one in kept}
    found = {
        "scores": list(SCORES),
        "centre": rounded(centre, 4),
        "spread": rounded(spread, 4),
        "landmarks": rounded(landmarks, 2),
        "settings": {
            one: {
                "samples": int((~np.isnan(errors[one][:, 0])).sum()),
                "overhead": overhead(one),
                "weights": rounded(weights[one].T, 4),
                "scale": rounded(scales[one], 3),
            }
            for one in kept
        },
        "covariance": rounded(_covariance(ordinary), 5),
    }
    return found, {one: float(np.nanmedian(np.abs(errors[one]))) for one in kept}


def write(path: Path, found: Mapping[str, Any], corpus: str, rows: int, seed: int) -> None:
    """Write `formats.json`."""
    origin = {"corpus": corpus, "samples": rows, "seed": seed, "versions": library_versions()}
    write_json(path, {**origin, **found}, indent=None)


def _column(rows: Sequence[Row], setting: str) -> FloatArray:
    """The payloads by a setting, (rows, outputs); NaN where there is no label."""
    size = len(SCORES) if SWEPT[setting].takes_quality else 1
    none = np.full(size, np.nan)
    return np.array([row.payloads.get(setting, none) for row in rows])


def _slope(
    values: FloatArray, sizes: FloatArray, ends: tuple[int, int], limits: tuple[float, float]
) -> float:
    run = max(float(values[ends[1]] - values[ends[0]]), 1e-3)
    return float(np.clip((sizes[ends[1]] - sizes[ends[0]]) / run, *limits))


def _scale(errors: FloatArray, seen: FloatArray, plain: int) -> FloatArray:
    """Weights for the logarithm of how great the errors of a row usually are."""
    known = ~np.isnan(errors[:, 0])
    each = errors[known] / errors[known].std(axis=0)
    size = np.log(np.sqrt((each**2).mean(axis=1)) + 0.05)
    return ridge(seen[known], size[:, None], plain, strength=_SCALE_RIDGE)[:, 0]


def _clipped(errors: FloatArray) -> FloatArray:
    most = _ORDINARY * np.nanstd(errors, axis=0)
    return np.clip(errors, -most, most)


def _covariance(errors: Mapping[str, FloatArray]) -> FloatArray:
    """The covariance of all errors, though few samples have all settings.

    The settings with the most samples come first. The errors of each further one are a regression
    on those of the earlier ones, and a rest. So the result is positive definite.
    """
    order = sorted(errors, key=lambda one: -int((~np.isnan(errors[one][:, 0])).sum()))
    whole = np.zeros((0, 0))
    earlier = np.zeros((len(next(iter(errors.values()))), 0))
    for setting in order:
        mine = errors[setting]
        known = ~np.isnan(mine[:, 0]) & ~np.isnan(earlier).any(axis=1)
        x, y = earlier[known], mine[known]
        slopes = np.linalg.solve(x.T @ x + _CHAIN_RIDGE * np.eye(x.shape[1]), x.T @ y)
        rest = y - x @ slopes
        across = whole @ slopes
        own = slopes.T @ across + rest.T @ rest / max(len(rest), 1)
        whole = np.block([[whole, across], [across.T, own]])
        earlier = np.concatenate([earlier, mine], axis=1)
    starts = dict(
        zip(order, np.cumsum([0, *(errors[one].shape[1] for one in order)]), strict=False)
    )
    places = [starts[one] + at for one in errors for at in range(errors[one].shape[1])]
    return np.asarray(whole[np.ix_(places, places)])
