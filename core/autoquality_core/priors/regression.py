"""A regression from the features of an image to its curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autoquality_core.runtime.arrays import Doubles

_CLIP = 4.0
"""Standard deviations at which a feature is clipped: its square grows fast."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRegression:
    """A regression from f features to curves v(q), q = 1 to 100.

    `centre` and `spread` (f,) scale the features to order 1. `weights` (k, 1 + 2 f + m) map the
    `inputs`, for `landmarks` (m, f), to the coefficients of `components` (k, 100). Those are added
    to `mean` (100,). `covariance` (100, 100) is that of the errors. `overhead` is the part of a
    file, in bytes, that its size curve leaves out.
    """

    centre: Doubles
    spread: Doubles
    landmarks: Doubles
    weights: Doubles
    mean: Doubles
    components: Doubles
    covariance: Doubles
    overhead: float

    def curve(self, features: Doubles) -> tuple[Doubles, Doubles]:
        """The curve's mean (100,) and covariance (100, 100)."""
        seen = inputs(scaled(features, self.centre, self.spread), self.landmarks)
        return self.mean + (self.weights @ seen) @ self.components, self.covariance


def scaled(features: Doubles, centre: Doubles, spread: Doubles) -> Doubles:
    """Features (..., f) scaled to order 1, and clipped."""
    return np.asarray(np.clip((features - centre) / spread, -_CLIP, _CLIP))


def inputs(features: Doubles, landmarks: Doubles) -> Doubles:
    """The inputs of the regression for scaled features (..., f): (..., 1 + 2 f + m).

    The last m are radial basis functions: exp(-d), d the mean squared difference to a landmark.
    """
    squares = (features * features).sum(axis=-1, keepdims=True)
    away = squares + (landmarks * landmarks).sum(axis=-1) - 2 * features @ landmarks.T
    near = np.exp(-np.maximum(away, 0) / landmarks.shape[1])
    one = np.ones((*features.shape[:-1], 1))
    return np.concatenate([one, features, features * features, near], axis=-1)
