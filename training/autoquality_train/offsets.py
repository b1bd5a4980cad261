"""How far the curves of slower settings lie from those of the usual ones.

The files are those of `autoquality_core/priors/*.offset.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import library_versions
from autoquality_train.basis import Basis
from autoquality_train.files import write_text
from autoquality_train.sweeps import USUAL

COMPONENTS = 4


@dataclass(frozen=True, slots=True)
class Drawn:
    """Samples labelled by both settings: differences of their curves and sizes, (n, 100)."""

    curves: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.float32]


def learn(differences: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Mean and principal components of differences (n, 100)."""
    basis = Basis.of(differences, COMPONENTS)
    left = differences - basis.mean - basis.coefficients(differences) @ basis.components
    return {
        "mean": _rounded(basis.mean),
        "components": _rounded(basis.components),
        "residual": round(float(left.std()), 5),
    }


def write(path: Path, setting: str, drawn: Drawn, corpus: str) -> dict[str, float]:
    """Write the offsets of one setting; answers the median of how far each curve is from them."""
    learned = {
        "encoder": setting,
        "usual": USUAL[setting],
        "corpus": corpus,
        "samples": len(drawn.sizes),
        "versions": library_versions(),
        "curves": {"dssim": learn(drawn.curves), "size": learn(drawn.sizes)},
    }
    write_text(path, json.dumps(learned, separators=(",", ":")) + "\n")
    return {
        name: float(np.median(np.abs(rows - rows.mean(axis=0))))
        for name, rows in (("dssim", drawn.curves), ("size", drawn.sizes))
    }


def _rounded(values: npt.NDArray[Any]) -> Any:
    return np.round(np.asarray(values, np.float64), 5).tolist()
