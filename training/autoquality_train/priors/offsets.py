"""The distance of slower settings' curves from those of the usual settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.metrics import DSSIM
from autoquality_core.priors import SIZE
from autoquality_train.basis import Basis
from autoquality_train.labels.curves import dssim_curve, overhead, size_curve
from autoquality_train.labels.sweeps import USUAL, Sweep
from autoquality_train.priors import rounded, write_learned

FloatArray = npt.NDArray[np.float32]

COMPONENTS = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """A sample's curves by a slower setting less those by the usual one, (100,) each."""

    dssim: FloatArray
    size: FloatArray

    @classmethod
    def of(cls, slow: Sweep, usual: Sweep, setting: str, pixels: int) -> Difference:
        """The difference for a sample of `pixels`, swept by the slower `setting` and the usual."""
        return cls(
            dssim_curve(slow, setting) - dssim_curve(usual, USUAL[setting]),
            _file_size(slow, setting, pixels) - _file_size(usual, USUAL[setting], pixels),
        )


def learn(differences: FloatArray) -> dict[str, Any]:
    """Mean and principal components of differences (n, 100)."""
    basis = Basis.of(differences, COMPONENTS)
    return {
        "mean": rounded(basis.mean),
        "components": rounded(basis.components),
        "residual": round(float(basis.residuals(differences).std()), 5),
    }


def write(path: Path, setting: str, found: list[Difference], corpus: str) -> dict[str, float]:
    """Write the offsets of one setting; returns the median distance of each curve from them."""
    rows = {
        DSSIM.name: np.array([one.dssim for one in found]),
        SIZE: np.array([one.size for one in found]),
    }
    curves = {name: learn(some) for name, some in rows.items()}
    write_learned(path, setting, curves, usual=USUAL[setting], corpus=corpus, samples=len(found))
    return {name: float(np.median(np.abs(some - some.mean(axis=0)))) for name, some in rows.items()}


def _file_size(sweep: Sweep, setting: str, pixels: int) -> FloatArray:
    """log(bytes per pixel) with the file's overhead, as a search sees it."""
    payload = size_curve(sweep, setting, pixels)
    found: FloatArray = np.logaddexp(payload, np.log(overhead(setting) / pixels))
    return found
