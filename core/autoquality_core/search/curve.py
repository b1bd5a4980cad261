"""A Gaussian model of one image's curve over quality, updated by every probe.

The curve is v(q), q = 1..100: log(bytes per pixel) or the values of a metric, which rise with
quality. Before the first probe it is a Gaussian process with a mean and a covariance
(`CurvePrior`). Every probe conditions it (Rasmussen and Williams 2006, equations 2.23 and 2.24).
With several such beliefs, every probe also updates their weights, by its likelihood under each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoquality_core.runtime.arrays import Doubles
from autoquality_core.search.bounds import Roughness

QUALITIES = np.arange(1, 101)


def rbf(reach: float) -> Doubles:
    """The covariance (100, 100) of a smooth function of quality: correlated over `reach` steps."""
    distance = (QUALITIES[:, None] - QUALITIES[None, :]) / reach
    return np.asarray(np.exp(-0.5 * distance**2))


def unexplained(residual: float) -> Doubles:
    """The covariance (100, 100) of what principal components leave of curves.

    `residual` is its standard deviation. It is smooth over a few qualities.
    """
    return residual**2 * rbf(5.0)


WIDER = 3.0
SURPRISED, LOST = 0.1, 0.03
"""The probabilities that a prediction of the curve is worse than it claims: that its standard
deviations should be `WIDER` times as great, or that it says nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """A Gaussian over curves v(q), q = 1 to 100: `mean` (100,) and `covariance` (100, 100).

    Of several beliefs about one curve, `weight` is the probability that this is the right one.
    """

    mean: Doubles
    covariance: Doubles
    weight: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Offset:
    """The distance from an encoder's curve to another's, over images, q = 1 to 100.

    `mean` (100,) and `covariance` (100, 100), natural logarithms. If the first curve has a step
    where chroma becomes full, the distance depends on it: it is greater by `gain` (100,) for each
    unit by which the rise between the two qualities of `step` exceeds `usual_step`.
    """

    mean: Doubles
    covariance: Doubles
    gain: Doubles | None = None
    step: tuple[int, int] = (1, 1)
    usual_step: float = 0.0

    def added_to(self, one: Gaussian) -> Gaussian:
        """The belief about the second curve, from one about the first."""
        mean, covariance = one.mean + self.mean, one.covariance + self.covariance
        if self.gain is not None:
            start, end = np.array(self.step) - 1
            mean += self.gain * (one.mean[end] - one.mean[start] - self.usual_step)
            shared = one.covariance[:, end] - one.covariance[:, start]
            crossed = np.outer(self.gain, shared)
            variance = shared[end] - shared[start]
            covariance += crossed + crossed.T + variance * np.outer(self.gain, self.gain)
        return Gaussian(mean, covariance, one.weight)


@dataclass(frozen=True, slots=True)
class CurvePrior:
    """The belief about one image's curve before any probe.

    `mean` (100,) and `covariance` (100, 100) are of v over q = 1..100 (natural logarithms).
    `noise` is the standard deviation of v around a smooth curve, and `roughness` how far a curve
    may fall. `doubts` are alternative beliefs.
    """

    mean: Doubles
    covariance: Doubles
    noise: float
    roughness: Roughness
    doubts: tuple[Gaussian, ...] = ()

    @property
    def beliefs(self) -> tuple[Gaussian, ...]:
        """The main belief and the alternatives; the weights sum to 1."""
        rest = 1 - sum(one.weight for one in self.doubts)
        return (Gaussian(self.mean, self.covariance, rest), *self.doubts)

    def with_curve(self, mean: Doubles, covariance: Doubles) -> CurvePrior:
        """The prior, updated by a prediction of the image's own curve.

        `mean` (100,) and `covariance` (100, 100) are the prediction's.
        """
        wider = Gaussian(mean, WIDER**2 * covariance, SURPRISED)
        return self._replaced_by(Gaussian(mean, covariance), wider)

    def with_crossing(self, value: float, quality: float, deviation: float) -> CurvePrior:
        """The prior, updated by a prediction of the quality where the curve has a value.

        The prediction is `quality` (1 to 100) with a standard deviation of `deviation` steps. It
        counts as a probe there, as uncertain as the mean curve is steep.
        """
        at = min(max(round(quality), 2), 99)
        slope = max((self.mean[at] - self.mean[at - 2]) / 2, 1e-3)
        gain = self.covariance[:, at - 1] / (
            self.covariance[at - 1, at - 1] + (slope * deviation) ** 2
        )
        mean = self.mean + gain * (value - self.mean[at - 1])
        covariance = self.covariance - np.outer(gain, self.covariance[at - 1])
        return self._replaced_by(Gaussian(mean, covariance))

    def with_beliefs(self, beliefs: Sequence[Gaussian]) -> CurvePrior:
        """The prior with other beliefs, at least one, whose weights sum to 1."""
        main, *doubts = beliefs
        return replace(self, mean=main.mean, covariance=main.covariance, doubts=tuple(doubts))

    def raised(self, by: float) -> CurvePrior:
        """The prior of curves whose values are greater by a constant."""
        return self.with_beliefs([replace(one, mean=one.mean + by) for one in self.beliefs])

    def _replaced_by(self, *beliefs: Gaussian) -> CurvePrior:
        """The prior with other beliefs. Those of this prior hardly count any more."""
        old = (replace(one, weight=LOST * one.weight) for one in self.beliefs)
        return self.with_beliefs([*beliefs, *old])

    def above(self, offset: Offset) -> CurvePrior:
        """The prior of an encoder whose curves have this distance from those of this prior."""
        return self.with_beliefs([offset.added_to(one) for one in self.beliefs])

    @classmethod
    def smooth(cls, start: float, end: float, *, noise: float, allowance: float) -> CurvePrior:
        """A prior without a corpus: a line from `start` at q = 1 to `end` at q = 100.

        Its level, slope and bend are almost unknown, so the conditioned mean is nearly a secant
        between probes. The engine works with this where nothing was learned.
        """
        x = (QUALITIES - 50.5) / 49.5
        mean = start + (end - start) * (x + 1) / 2
        slope = 0.6 * (end - start) * x / 2
        bend = 0.3 * (end - start) * np.abs(x) ** 3 * np.sign(x)
        drift = 0.15**2 * rbf(15.0)
        covariance = 0.9**2 + np.outer(slope, slope) + np.outer(bend, bend) + drift
        return cls(mean, covariance, noise, Roughness(allowance))

    @classmethod
    def learned(
        cls,
        mean: Doubles,
        components: Doubles,
        *,
        residual: float,
        noise: float,
        roughness: Roughness,
    ) -> CurvePrior:
        """A prior from a corpus of curves.

        `components` (k, 100) are its principal components, each scaled by its standard deviation.
        `residual` is the standard deviation of the rest, which is smooth over a few qualities. To
        allow for images unlike the corpus, the variance of the components grows by half, and a
        level and a slow drift are added.
        """
        unlike = 0.16**2 + 0.3**2 * rbf(30.0)
        covariance = 1.5 * components.T @ components + unlike + unexplained(residual)
        return cls(mean, covariance, noise, roughness)


class CurveModel:
    """The posterior over one image's curve."""

    def __init__(self, prior: CurvePrior) -> None:
        self._prior = prior
        self._qualities: list[int] = []
        self._values: list[float] = []

    def observe(self, quality: int, value: float) -> None:
        self._qualities.append(quality)
        self._values.append(value)

    def posterior(self) -> list[Gaussian]:
        """Every belief after the probes; the weights sum to 1."""
        found = [self._condition(one) for one in self._prior.beliefs]
        highest = max(likelihood for _, likelihood in found)
        weights = [one.weight * math.exp(likelihood - highest) for one, likelihood in found]
        total = sum(weights)
        return [
            replace(one, weight=weight / total)
            for (one, _), weight in zip(found, weights, strict=True)
        ]

    def _condition(self, belief: Gaussian) -> tuple[Gaussian, float]:
        """A belief after the probes, and their log-likelihood under it, up to a constant."""
        if not self._qualities:
            return belief, 0.0
        at = np.array(self._qualities) - 1
        gain = belief.covariance[:, at]
        seen = belief.covariance[np.ix_(at, at)]
        # The noise must not vanish next to a wide belief.
        noise = self._prior.noise**2 + 1e-10 * float(seen.diagonal().max())
        seen = seen + noise * np.eye(at.size)
        away = np.array(self._values) - belief.mean[at]
        solved = np.linalg.solve(seen, np.column_stack([gain.T, away]))
        mean = belief.mean + gain @ solved[:, -1]
        covariance = belief.covariance - gain @ solved[:, :-1]
        likelihood = -0.5 * (away @ solved[:, -1] + np.linalg.slogdet(seen)[1])
        return replace(belief, mean=mean, covariance=covariance), float(likelihood)

    def deviation(self, belief: Gaussian) -> Doubles:
        """The standard deviation of a probe's value, at q = 1..100."""
        variance = np.maximum(np.diag(belief.covariance), 0.0) + self._prior.noise**2
        return np.asarray(np.sqrt(variance))
