"""What a predictor is, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from autoquality_core.images.pixels import Pixels
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import MAX_QUALITY, MIN_QUALITY

QUALITIES = np.arange(MIN_QUALITY, MAX_QUALITY + 1)

POINT_SPREAD = 10.0
"""Standard deviation, in quality steps, given to a network that answers one quality and
nothing about its certainty: about what networks miss by that see a squeezed image (11 steps
on JPEG where it was measured). Too wide costs a probe, too narrow leads the search astray."""

_RESIDUAL_REACH = 5.0
"""Qualities over which what a curve's factors leave unsaid stays alike."""

_ALIKE = np.exp(-0.5 * ((QUALITIES[:, None] - QUALITIES[None, :]) / _RESIDUAL_REACH) ** 2)


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """Which network this is.

    `name` is the file's, without its folder; `sha256` the file's, in
    hexadecimal; `device` where it runs, "CPU:0" or "GPU:0"; `version` the side
    file's, empty without one; `encoder` the encoder's options that it was
    trained for, as its side file names them, empty where nothing is said.
    """

    name: str
    sha256: str
    device: str
    version: str = ""
    encoder: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class CurveDistribution:
    """A Gaussian over one image's curve v(q) = -log DSSIM, q = 1 to 100.

    `mean` has the shape (100,), `covariance` (100, 100): symmetric, no
    direction of negative variance. Natural logarithms; float64, read-only.
    """

    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]

    @classmethod
    def from_factor(
        cls, mean: npt.NDArray[Any], factor: npt.NDArray[Any], residual: float
    ) -> CurveDistribution:
        """Of a mean (100,) and a factor F (k, 100), both finite.

        The covariance is F^T F and, for what k components cannot tell, a smooth
        residue of standard deviation `residual`.
        """
        factor = np.asarray(factor, np.float64)
        covariance = factor.T @ factor + residual**2 * _ALIKE
        centre = np.array(mean, np.float64)
        for array in (centre, covariance):
            array.setflags(write=False)
        return cls(centre, covariance)


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """How likely each quality is to be the right one.

    `probabilities` has the shape (100,), float64, sums to 1 and is read-only;
    index i stands for quality i + 1. `curve` is what a network that predicts
    the whole curve says of it, None from any other.
    """

    probabilities: npt.NDArray[np.float64]
    curve: CurveDistribution | None = None

    @classmethod
    def from_logits(
        cls, logits: npt.NDArray[Any], curve: CurveDistribution | None = None
    ) -> Prediction:
        """The softmax of 100 finite logits of any real type and shape."""
        flat = np.asarray(logits, np.float64).reshape(QUALITIES.size)
        # Shifted by the largest, no exponential overflows and the sum is at least 1.
        weights = np.exp(flat - flat.max())
        probabilities = weights / weights.sum()
        probabilities.setflags(write=False)
        return cls(probabilities, curve)

    @classmethod
    def from_quality(cls, quality: float) -> Prediction:
        """Of a network that answers one quality: a bell of POINT_SPREAD around it.

        `quality` is finite; the bell is cut at 1 and 100, its peak brought there.
        """
        centre = min(max(quality, MIN_QUALITY), MAX_QUALITY)
        return cls.from_logits(-0.5 * ((QUALITIES - centre) / POINT_SPREAD) ** 2)

    @property
    def mean(self) -> float:
        """The mean of the distribution, 1 to 100."""
        return float(self.probabilities @ QUALITIES)

    @property
    def deviation(self) -> float:
        """Its standard deviation in quality steps, at least that of a whole number's rounding."""
        variance = float(self.probabilities @ (QUALITIES - self.mean) ** 2)
        return math.sqrt(variance + 1 / 12)

    @property
    def quality(self) -> int:
        """The likeliest quality, 1 to 100; among equals the highest."""
        best = np.flatnonzero(self.probabilities == self.probabilities.max())[-1]
        return int(QUALITIES[best])


class Predictor(Protocol):
    """A network that is ready to answer. Thread-safe: one is shared by all that need it."""

    @property
    def info(self) -> NetworkInfo:
        """Which network this is; another one once its file was changed."""
        ...

    @property
    def available(self) -> bool:
        """Whether it answers; False while it rests after failing repeatedly."""
        ...

    def predict(
        self, pixels: Pixels, target: float, deadline: Deadline | None = None
    ) -> Prediction:
        """Predict the quality at which `pixels` reach the DSSIM `target`, 0 to 1.

        Networks trained for one target only ignore `target`. Raises
        PredictionFailed if the network gives no usable answer (CircuitOpen
        if it was not even asked), Overloaded if too many wait for it, and
        DeadlinePassed or RequestCancelled as soon as `deadline` says so.
        """
        ...
