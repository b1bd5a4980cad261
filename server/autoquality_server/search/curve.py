"""A Gaussian model of one image's curve over quality, sharpened by every probe.

The curve is v(q), q = 1..100: log(bytes per pixel) or -log(DSSIM), which rise
with quality. Before the first probe it is a Gaussian process with a mean and
a covariance (`CurvePrior`); every probe conditions it (Rasmussen and Williams
2006, equations 2.23 and 2.24).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

QUALITIES = np.arange(1, 101)


@dataclass(frozen=True, slots=True)
class CurvePrior:
    """What is known of the curves of one encoder setting before any probe.

    `mean` (100,) and `covariance` (100, 100) of v over q = 1..100 (natural
    logarithms); `noise` is the standard deviation of v around a smooth curve;
    `allowance` is how far a curve may turn back (see `bounds`).
    """

    mean: FloatArray
    covariance: FloatArray
    noise: float
    allowance: float

    @classmethod
    def smooth(cls, start: float, end: float, *, noise: float, allowance: float) -> CurvePrior:
        """A prior without a corpus: a line from `start` at q = 1 to `end` at q = 100.

        Its level, slope and bend are all but unknown, which makes the
        conditioned mean a secant between probes: the engine works with this
        where nothing was learned.
        """
        x = (QUALITIES - 50.5) / 49.5
        mean = start + (end - start) * (x + 1) / 2
        slope = 0.6 * (end - start) * x / 2
        bend = 0.3 * (end - start) * np.abs(x) ** 3 * np.sign(x)
        distance = (QUALITIES[:, None] - QUALITIES[None, :]) / 15.0
        wander = 0.15**2 * np.exp(-0.5 * distance**2)
        covariance = 0.9**2 + np.outer(slope, slope) + np.outer(bend, bend) + wander
        return cls(mean, covariance, noise, allowance)

    @classmethod
    def learned(
        cls,
        mean: FloatArray,
        components: FloatArray,
        *,
        residual: float,
        noise: float,
        allowance: float,
    ) -> CurvePrior:
        """A prior from a corpus of curves.

        `components` (k, 100) are its principal components, each scaled by its
        standard deviation; `residual` is the standard deviation of what they
        leave over, which is smooth over a few qualities. Images unlike the
        corpus are expected: the components are taken half as wide again, and a
        level and a slow wander of their own are added.
        """
        distance = QUALITIES[:, None] - QUALITIES[None, :]
        unlike = 0.16**2 + 0.3**2 * np.exp(-0.5 * (distance / 30.0) ** 2)
        wander = residual**2 * np.exp(-0.5 * (distance / 5.0) ** 2)
        covariance = 1.5 * components.T @ components + unlike + wander
        return cls(mean, covariance, noise, allowance)


class CurveModel:
    """The posterior over one image's curve."""

    def __init__(self, prior: CurvePrior) -> None:
        self._prior = prior
        self._qualities: list[int] = []
        self._values: list[float] = []

    def observe(self, quality: int, value: float) -> None:
        """Take in a probe."""
        self._qualities.append(quality)
        self._values.append(value)

    def posterior(self) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of v at q = 1..100, both of shape (100,)."""
        prior = self._prior
        spread = np.diag(prior.covariance)
        if not self._qualities:
            return prior.mean, np.sqrt(spread + prior.noise**2)
        at = np.array(self._qualities) - 1
        gain = prior.covariance[:, at]
        seen = prior.covariance[np.ix_(at, at)] + prior.noise**2 * np.eye(at.size)
        solved = np.linalg.solve(seen, gain.T)
        mean = prior.mean + solved.T @ (np.array(self._values) - prior.mean[at])
        variance = spread - np.einsum("ij,ji->i", gain, solved)
        return mean, np.sqrt(np.maximum(variance, 0.0) + prior.noise**2)
