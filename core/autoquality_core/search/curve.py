"""A Gaussian model of one image's curve over quality, sharpened by every probe.

The curve is v(q), q = 1..100: log(bytes per pixel) or -log(DSSIM), which rise
with quality. Before the first probe it is a Gaussian process with a mean and
a covariance (`CurvePrior`); every probe conditions it (Rasmussen and Williams
2006, equations 2.23 and 2.24). Where there are several such beliefs, every
probe also shifts the weights between them, by how well each foresaw it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

QUALITIES = np.arange(1, 101)


def rbf(reach: float) -> FloatArray:
    """The covariance (100, 100) of a smooth function of quality: correlated over `reach` steps."""
    distance = (QUALITIES[:, None] - QUALITIES[None, :]) / reach
    found: FloatArray = np.exp(-0.5 * distance**2)
    return found


WIDER = 3.0
SURPRISED, LOST = 0.1, 0.03
"""A prediction of the curve is doubted: with these probabilities the curve is as far away as if
its standard deviations were `WIDER` times as great, or it is as if nothing had been predicted."""


@dataclass(frozen=True, slots=True)
class Belief:
    """One Gaussian that the curve may come from, with the probability that it does.

    `mean` has the shape (100,), `covariance` (100, 100).
    """

    weight: float
    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Offset:
    """How far an encoder's curve lies above another's, over images, q = 1 to 100.

    `mean` (100,) and `covariance` (100, 100), natural logarithms.
    """

    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, slots=True)
class CurvePrior:
    """What is known of one image's curve before any probe.

    `mean` (100,) and `covariance` (100, 100) of v over q = 1..100 (natural
    logarithms); `noise` is the standard deviation of v around a smooth curve;
    `allowance` is how far a curve may turn back (see `bounds`). `doubts` are
    what else the curve may come from.
    """

    mean: FloatArray
    covariance: FloatArray
    noise: float
    allowance: float
    doubts: tuple[Belief, ...] = ()

    @property
    def beliefs(self) -> tuple[Belief, ...]:
        """Every Gaussian that the curve may come from; the weights sum to 1."""
        rest = 1 - sum(one.weight for one in self.doubts)
        return (Belief(rest, self.mean, self.covariance), *self.doubts)

    def with_curve(self, mean: FloatArray, covariance: FloatArray) -> CurvePrior:
        """What was known before, and what was predicted of the image's own curve.

        `mean` (100,) and `covariance` (100, 100) are the prediction's.
        """
        doubts = (
            Belief(SURPRISED, mean, WIDER**2 * covariance),
            *(replace(one, weight=LOST * one.weight) for one in self.beliefs),
        )
        return replace(self, mean=mean, covariance=covariance, doubts=doubts)

    def with_crossing(self, value: float, quality: float, deviation: float) -> CurvePrior:
        """What is known of an encoder, and a guess at which quality the curve has a value.

        It was guessed to be `quality` (1 to 100) with a standard deviation of
        `deviation` steps. That is a probe at that quality whose value is as
        uncertain as the mean curve is steep there.
        """
        at = min(max(round(quality), 2), 99)
        slope = max((self.mean[at] - self.mean[at - 2]) / 2, 1e-3)
        gain = self.covariance[:, at - 1] / (
            self.covariance[at - 1, at - 1] + (slope * deviation) ** 2
        )
        mean = self.mean + gain * (value - self.mean[at - 1])
        covariance = self.covariance - np.outer(gain, self.covariance[at - 1])
        return replace(
            self,
            mean=mean,
            covariance=covariance,
            doubts=tuple(replace(one, weight=LOST * one.weight) for one in self.beliefs),
        )

    def above(self, offset: Offset) -> CurvePrior:
        """What is known of an encoder whose curves lie so far above those of this prior."""

        def raised(one: Belief) -> Belief:
            return Belief(one.weight, one.mean + offset.mean, one.covariance + offset.covariance)

        return replace(
            self,
            mean=self.mean + offset.mean,
            covariance=self.covariance + offset.covariance,
            doubts=tuple(map(raised, self.doubts)),
        )

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
        wander = 0.15**2 * rbf(15.0)
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
        unlike = 0.16**2 + 0.3**2 * rbf(30.0)
        wander = residual**2 * rbf(5.0)
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

    def posterior(self) -> list[Belief]:
        """Every belief in the light of the probes; the weights sum to 1."""
        found = [self._condition(one) for one in self._prior.beliefs]
        likeliest = max(surprise for _, surprise in found)
        weights = [one.weight * math.exp(surprise - likeliest) for one, surprise in found]
        total = sum(weights)
        return [
            replace(one, weight=weight / total)
            for (one, _), weight in zip(found, weights, strict=True)
        ]

    def _condition(self, belief: Belief) -> tuple[Belief, float]:
        """A belief after the probes, and the log of how likely it held them, but for a constant."""
        if not self._qualities:
            return belief, 0.0
        at = np.array(self._qualities) - 1
        gain = belief.covariance[:, at]
        seen = belief.covariance[np.ix_(at, at)]
        # However wide a belief is, the noise must not vanish beside it.
        noise = self._prior.noise**2 + 1e-10 * float(seen.diagonal().max())
        seen = seen + noise * np.eye(at.size)
        away = np.array(self._values) - belief.mean[at]
        solved = np.linalg.solve(seen, np.column_stack([gain.T, away]))
        mean = belief.mean + gain @ solved[:, -1]
        covariance = belief.covariance - gain @ solved[:, :-1]
        surprise = -0.5 * (away @ solved[:, -1] + np.linalg.slogdet(seen)[1])
        return Belief(belief.weight, mean, covariance), float(surprise)

    def deviation(self, belief: Belief) -> FloatArray:
        """The standard deviation of what a probe would show, at q = 1..100."""
        spread: FloatArray = np.sqrt(
            np.maximum(np.diag(belief.covariance), 0.0) + self._prior.noise**2
        )
        return spread
