"""The distance of other settings' curves from those of the usual settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.priors import SIZE
from autoquality_train.basis import Basis
from autoquality_train.labels.curves import all_curves, overhead, step_of
from autoquality_train.labels.sweeps import USUAL, Sweep
from autoquality_train.priors import rounded, write_learned

FloatArray = npt.NDArray[np.float32]

COMPONENTS = 4
_BEFORE_STEP = 2
"""Qualities before a step, where samples are labelled (`sweeps.SOME`)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One sample's curves, (100,) each, by name: by the usual setting and by another one."""

    usual: Mapping[str, FloatArray]
    other: Mapping[str, FloatArray]

    @classmethod
    def of(cls, usual: Sweep, other: Sweep, setting: str, pixels: int) -> Pair:
        """From sweeps of one sample of `pixels`; `setting` is that of the other one."""
        return cls(
            _as_searched(usual, USUAL[setting], pixels), _as_searched(other, setting, pixels)
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
    path: Path, setting: str, found: Sequence[Pair], names: Sequence[str], corpus: str
) -> dict[str, float]:
    """Write the offsets of the curves `names`; returns the median distance of each from them."""
    curves, distances = {}, {}
    for name in names:
        usual, other = (
            np.array([getattr(one, side)[name] for one in found]) for side in ("usual", "other")
        )
        curves[name] = learn(usual, other, _step(setting))
        distances[name] = float(np.median(np.abs(other - usual - (other - usual).mean(axis=0))))
    write_learned(path, setting, curves, usual=USUAL[setting], corpus=corpus, samples=len(found))
    return distances


def _step(setting: str) -> int | None:
    """Where the usual setting's chroma becomes full, if that of `setting` does not."""
    return step_of(USUAL[setting]) if step_of(setting) is None else None


def _as_searched(sweep: Sweep, setting: str, pixels: int) -> dict[str, FloatArray]:
    """All curves; that of the size with the file's overhead, as a search sees it."""
    curves = all_curves(sweep, setting, pixels)
    curves[SIZE] = np.logaddexp(curves[SIZE], np.log(overhead(setting) / pixels))
    return curves
