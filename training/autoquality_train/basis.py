"""Curves as a few numbers: the mean of a corpus and its principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_USED = slice(7, 95)
"""Qualities 8 to 95. The ends of the scale are steep and rarely used, and count less."""
_END_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Basis:
    """curve = mean + coefficients @ components + residual.

    `mean` is (100,), `components` (k, 100), each scaled so that coefficients have a standard
    deviation of 1 over the corpus.
    """

    mean: FloatArray
    components: FloatArray

    @classmethod
    def of(cls, curves: FloatArray, count: int) -> Basis:
        """The principal components of curves (n, 100): `count` rows, zeros if n is too small."""
        weights = _weights()
        mean = curves.mean(axis=0)
        _, scale, directions = np.linalg.svd((curves - mean) * weights, full_matrices=False)
        kept = min(count, int((scale > 1e-5 * scale[0]).sum()))
        components = np.zeros((count, curves.shape[1]), np.float32)
        components[:kept] = directions[:kept] * scale[:kept, None] / np.sqrt(len(curves)) / weights
        return cls(mean.astype(np.float32), components)

    def coefficients(self, curves: FloatArray) -> FloatArray:
        """The coefficients (n, k) that fit curves (n, 100) best."""
        weights = _weights()
        inverse = np.linalg.pinv(self.components * weights)
        found: FloatArray = (((curves - self.mean) * weights) @ inverse).astype(np.float32)
        return found

    def residuals(self, curves: FloatArray) -> FloatArray:
        """The part of curves (n, 100) that the components cannot express, (n, 100)."""
        left: FloatArray = curves - self.mean - self.coefficients(curves) @ self.components
        return left

    def residual_variance(self, curves: FloatArray) -> FloatArray:
        """The mean square of the residuals over the used qualities, (n,)."""
        found: FloatArray = (self.residuals(curves)[:, _USED] ** 2).mean(axis=1)
        return found


def _weights() -> FloatArray:
    weights = np.full(100, _END_WEIGHT, np.float32)
    weights[_USED] = 1.0
    return weights
