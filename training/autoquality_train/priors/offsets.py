"""The distance of other settings' curves from those of the usual settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.images import Pixels
from autoquality_core.priors import SIZE
from autoquality_train.basis import Basis
from autoquality_train.labels.curves import overhead, step_of
from autoquality_train.labels.sweeps import USUAL, Sweep
from autoquality_train.priors import rounded, write_learned
from autoquality_train.priors.curves import SizedSweep, roughness
from autoquality_train.priors.features import Row
from autoquality_train.priors.features import learn as learn_by_features

FloatArray = npt.NDArray[np.float32]

COMPONENTS = 4
_LANDMARKS, _RIDGE = 16, 100.0
"""Fewer samples than for the usual curves need a smoother regression."""

LEAST_SWEPT = 10
"""The fewest sweeps at every quality to learn from how far curves fall."""

_ROUGH = 90
"""The percentile of falls. A higher one would be decided by one image of some tens."""
_BEFORE_STEP = 2
"""Qualities before a step, where samples are labelled (`sweeps.SOME`)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One sample's curves by the usual setting, and by another one.

    `swept` is the sweep by the other one, if it has every quality.
    """

    usual: Row
    other: Row
    swept: SizedSweep | None

    @classmethod
    def of(cls, pixels: Pixels, usual: Sweep, other: Sweep, setting: str, group: str) -> Pair:
        """From sweeps of one sample; `setting` is that of the other one."""
        area = pixels.width * pixels.height
        # The same qualities of both, so that both curves are interpolated alike.
        both = {USUAL[setting]: usual.at(other.qualities), setting: other.at(usual.qualities)}
        rows = Row.of(pixels, both, group)
        return cls(
            _as_searched(rows[USUAL[setting]], USUAL[setting], area),
            _as_searched(rows[setting], setting, area),
            SizedSweep(other, area) if other.complete else None,
        )


def learn(usual: FloatArray, other: FloatArray, step: int | None = None) -> dict[str, Any]:
    """The distance from curves (n, 100) to others: mean, and principal components of the rest.

    If the usual curves have a `step` at a quality and the others do not, the distance grows with
    the rise there, by a `gain` for each quality.
    """
    away = other - usual
    found: dict[str, Any] = {}
    if step is not None:
        start, end = step - _BEFORE_STEP, step
        rise = usual[:, end - 1] - usual[:, start - 1]
        usual_step = rise.mean()
        rise -= usual_step
        gain = rise @ (away - away.mean(axis=0)) / max(float(rise @ rise), 1e-9)
        found = {
            "gain": rounded(gain),
            "step": [start, end],
            "usual_step": round(float(usual_step), 5),
        }
        away = away - np.outer(rise, gain)
    basis = Basis.of(away, COMPONENTS)
    return {
        "mean": rounded(basis.mean),
        "components": rounded(basis.components),
        "residual": round(float(basis.residuals(away).std()), 5),
        **found,
    }


def write(
    path: Path,
    setting: str,
    found: Sequence[Pair],
    names: Sequence[str],
    corpus: str,
    *,
    seed: int,
) -> dict[str, float]:
    """Write the offsets of the curves `names`; returns the median distance of each from them.

    An offset of another effort also depends on the features of an image. How far curves fall is
    learned if enough sweeps have every quality.
    """
    curves, distances = {}, {}
    swept = [one.swept for one in found if one.swept is not None]
    for name in names:
        usual, other = (
            np.array([getattr(one, side).curves[name] for one in found])
            for side in ("usual", "other")
        )
        step, away = _step(setting), other - usual
        curves[name] = learn(usual, other, step)
        errors = away - away.mean(axis=0)
        if len(swept) >= LEAST_SWEPT:
            curves[name] |= roughness(setting, swept, name, _ROUGH)
        if step is None:
            features = np.array([one.other.features_for(name) for one in found])
            groups = [one.other.group for one in found]
            curves[name]["by_features"], errors = learn_by_features(
                features, away, groups, seed=seed, landmarks=_LANDMARKS, strength=_RIDGE
            )
        distances[name] = float(np.median(np.abs(errors)))
    write_learned(path, setting, curves, usual=USUAL[setting], corpus=corpus, samples=len(found))
    return distances


def _step(setting: str) -> int | None:
    """Where the usual setting's chroma becomes full, if that of `setting` does not."""
    return step_of(USUAL[setting]) if step_of(setting) is None else None


def _as_searched(row: Row, setting: str, pixels: int) -> Row:
    """The row with the curve of the size as a search sees it, the file's overhead included."""
    size = np.logaddexp(row.curves[SIZE], np.log(overhead(setting) / pixels))
    return replace(row, curves={**row.curves, SIZE: size})
