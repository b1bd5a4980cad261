"""How wide a predicted distribution has to be for what it says to come true."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from autoquality_train.basis import Basis
from autoquality_train.network.head import coefficients_of, rest_of

FloatArray = npt.NDArray[np.float32]

TARGETS = (0.005, 0.01, 0.02, 0.04)
_USED = (10, 95)

_SHARES = ((0.5, 0.6745), (0.8, 1.2816))
"""Shares of a normal distribution and the standard deviations that they lie within."""


def spread_scale(basis: Basis, outputs: FloatArray, curves: FloatArray) -> float:
    """What to multiply standard deviations by, from outputs (n, .) for images not fitted to.

    Errors are looked at where the curves (n, 100) cross the usual targets. They
    have longer tails than a normal distribution: the middle of it is what is
    made to fit, the half and the four fifths that lie nearest.
    """
    mean, factor = (np.asarray(one) for one in coefficients_of(outputs))
    rest = np.asarray(rest_of(outputs))
    middle = basis.mean + mean @ basis.components
    spread = np.swapaxes(factor, 1, 2) @ basis.components
    width = np.sqrt((spread**2).sum(axis=1) + rest[:, None] ** 2)
    ratios = []
    for target in TARGETS:
        aim = -math.log(target)
        at = crossing(curves, aim)
        for row in np.flatnonzero((at >= _USED[0]) & (at <= _USED[1])):
            column = int(at[row]) - 1
            away = abs(float(middle[row, column] - curves[row, column]))
            ratios.append(away / float(width[row, column]))
    if not ratios:
        return 1.0
    half, most = (float(np.quantile(ratios, share)) / normal for share, normal in _SHARES)
    return math.sqrt(half * most)


def crossing(curves: FloatArray, aim: float) -> npt.NDArray[np.int64]:
    """The first quality at which each curve (n, 100) is at `aim` or above; 101 if none is."""
    above = np.maximum.accumulate(curves, axis=1) >= aim
    found: npt.NDArray[np.int64] = np.where(above.any(axis=1), above.argmax(axis=1) + 1, 101)
    return found
