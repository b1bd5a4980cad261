"""The distance of slower settings' curves from those of the usual settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.priors import SIZE
from autoquality_train.basis import Basis
from autoquality_train.labels.curves import all_curves, overhead
from autoquality_train.labels.sweeps import USUAL, Sweep
from autoquality_train.priors import rounded, write_learned

FloatArray = npt.NDArray[np.float32]

COMPONENTS = 4


def difference(slow: Sweep, usual: Sweep, setting: str, pixels: int) -> dict[str, FloatArray]:
    """The curves by the slower `setting` less those by the usual one, (100,) each, by name.

    Both are sweeps of one sample of `pixels`.
    """
    faster = _as_searched(usual, USUAL[setting], pixels)
    slower = _as_searched(slow, setting, pixels)
    return {name: curve - faster[name] for name, curve in slower.items()}


def learn(differences: FloatArray) -> dict[str, Any]:
    """Mean and principal components of differences (n, 100)."""
    basis = Basis.of(differences, COMPONENTS)
    return {
        "mean": rounded(basis.mean),
        "components": rounded(basis.components),
        "residual": round(float(basis.residuals(differences).std()), 5),
    }


def write(
    path: Path,
    setting: str,
    found: Sequence[Mapping[str, FloatArray]],
    names: Sequence[str],
    corpus: str,
) -> dict[str, float]:
    """Write the offsets of the curves `names`; returns the median distance of each from them."""
    rows = {name: np.array([one[name] for one in found]) for name in names}
    curves = {name: learn(some) for name, some in rows.items()}
    write_learned(path, setting, curves, usual=USUAL[setting], corpus=corpus, samples=len(found))
    return {name: float(np.median(np.abs(some - some.mean(axis=0)))) for name, some in rows.items()}


def _as_searched(sweep: Sweep, setting: str, pixels: int) -> dict[str, FloatArray]:
    """All curves; that of the size with the file's overhead, as a search sees it."""
    curves = all_curves(sweep, setting, pixels)
    curves[SIZE] = np.logaddexp(curves[SIZE], np.log(overhead(setting) / pixels))
    return curves
