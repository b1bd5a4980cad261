"""Curves as a few numbers: the mean of a corpus and the directions in which its curves differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_MATTERS = slice(7, 95)
"""Qualities 8 to 95; the ends of the scale are steep and rarely used, and count less."""
_LESS = 0.3


@dataclass(frozen=True, slots=True)
class Basis:
    """curve = mean + coefficients @ components, but for a residual.

    `mean` (100,), `components` (k, 100), each scaled so that coefficients have
    the standard deviation 1 over the corpus.
    """

    mean: FloatArray
    components: FloatArray

    @classmethod
    def of(cls, curves: FloatArray, count: int) -> Basis:
        """The principal components of curves (n, 100); `count` rows, zeros where n is too small."""
        weights = _weights()
        mean = curves.mean(axis=0)
        _, scale, directions = np.linalg.svd((curves - mean) * weights, full_matrices=False)
        kept = min(count, int((scale > 1e-5 * scale[0]).sum()))
        components = np.zeros((count, curves.shape[1]), np.float32)
        components[:kept] = directions[:kept] * scale[:kept, None] / np.sqrt(len(curves)) / weights
        return cls(mean.astype(np.float32), components)

    def coefficients(self, curves: FloatArray) -> FloatArray:
        """Those that come nearest to curves (n, 100): (n, k)."""
        weights = _weights()
        nearest = np.linalg.pinv(self.components * weights)
        found: FloatArray = (((curves - self.mean) * weights) @ nearest).astype(np.float32)
        return found

    def rest(self, curves: FloatArray) -> FloatArray:
        """The mean square of what coefficients leave of curves (n, 100), where it matters: (n,)."""
        left = curves - self.mean - self.coefficients(curves) @ self.components
        found: FloatArray = (left[:, _MATTERS] ** 2).mean(axis=1)
        return found


def _weights() -> FloatArray:
    weights = np.full(100, _LESS, np.float32)
    weights[_MATTERS] = 1.0
    return weights
