"""What a sketch says of an encoder's curves: a regression, and how far it is usually off.

The files `*.sketch.json` are made by `autoquality-train sketches`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_FARTHEST = 4.0
"""Standard deviations beyond which a number of a sketch says no more: squares grow fast."""

_REACH = 5.0
"""Qualities over which what components leave of a curve stays alike."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRegression:
    """A regression from sketches to curves v(q), q = 1 to 100.

    `centre` and `spread` (f,) bring a sketch's numbers to order 1; `weights`
    (k, 1 + 2 f + m) tell from 1, the numbers, their squares and how near they
    are to each of `landmarks` (m, f) the coefficients of `components` (k,
    100), which are added to `mean` (100,); `covariance` (k, k)
    is that of the coefficients' errors, `residual` the standard deviation of
    the rest. `overhead` are the bytes of a file that its size curve leaves out.
    """

    centre: FloatArray
    spread: FloatArray
    landmarks: FloatArray
    weights: FloatArray
    mean: FloatArray
    components: FloatArray
    covariance: FloatArray
    residual: float
    overhead: float

    def curve(self, sketch: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The curve's mean (100,) and covariance (100, 100)."""
        seen = inputs(scaled(sketch, self.centre, self.spread), self.landmarks)
        return self.mean + (self.weights @ seen) @ self.components, _covariance(self)


def scaled(sketches: FloatArray, centre: FloatArray, spread: FloatArray) -> FloatArray:
    """Sketches (..., f) brought to order 1."""
    found: FloatArray = np.clip((sketches - centre) / spread, -_FARTHEST, _FARTHEST)
    return found


def inputs(sketches: FloatArray, landmarks: FloatArray) -> FloatArray:
    """What the regression sees of scaled sketches (..., f): (..., 1 + 2 f + m).

    The last m are radial basis functions: exp(-d), d the mean square of the
    differences to a landmark.
    """
    squares = (sketches * sketches).sum(axis=-1, keepdims=True)
    away = squares + (landmarks * landmarks).sum(axis=-1) - 2 * sketches @ landmarks.T
    near = np.exp(-np.maximum(away, 0) / landmarks.shape[1])
    one = np.ones((*sketches.shape[:-1], 1))
    found: FloatArray = np.concatenate([one, sketches, sketches * sketches, near], axis=-1)
    return found


@cache
def sketched(encoder: str, curve: str) -> FeatureRegression | None:
    """What was learned of an encoder's "dssim" or "size" curves; None where nothing was."""
    file = files(__package__).joinpath(f"{encoder}.sketch.json")
    if not file.is_file():
        return None
    learned = json.loads(file.read_text(encoding="utf-8"))["curves"][curve]
    return FeatureRegression(
        centre=np.array(learned["centre"]),
        spread=np.array(learned["spread"]),
        landmarks=np.array(learned["landmarks"]),
        weights=np.array(learned["weights"]),
        mean=np.array(learned["mean"]),
        components=np.array(learned["components"]),
        covariance=np.array(learned["covariance"]),
        residual=learned["residual"],
        overhead=learned["overhead"],
    )


@cache
def _covariance(one: FeatureRegression) -> FloatArray:
    places = np.arange(one.mean.size)
    distance = (places[:, None] - places[None, :]) / _REACH
    found: FloatArray = one.components.T @ one.covariance @ one.components
    found += one.residual**2 * np.exp(-0.5 * distance**2)
    return found
