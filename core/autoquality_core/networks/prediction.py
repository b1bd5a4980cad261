"""Predictors, and the predictions that they return."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from autoquality_core.images.pixels import Pixels
from autoquality_core.metrics import DSSIM
from autoquality_core.runtime.arrays import Doubles
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search.curve import QUALITIES, Gaussian, unexplained
from autoquality_core.types import MAX_QUALITY, MIN_QUALITY

POINT_SPREAD = 10.0
"""Assumed standard deviation, in quality steps, of a network that answers a single quality.

About the error of networks that see a squeezed image (11 steps were measured on JPEG). A larger
value costs a probe, a smaller one misleads the search."""


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """Identifies a network.

    `name` is its file's name without the folder, `sha256` the file's hash in
    hexadecimal, `device` "CPU:0" or "GPU:0". `runtime` is the library that runs it:
    "numpy", "tensorflow" or "onnxruntime". `metrics` are the names of the metrics
    that it predicts. From the side file: `version`, and `encoder`, the encoder's
    options that it was trained for. Both are empty without one.
    """

    name: str
    sha256: str
    device: str
    version: str = ""
    encoder: Mapping[str, Any] = field(default_factory=dict)
    metrics: tuple[str, ...] = (DSSIM.name,)
    runtime: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The probability of each quality to meet the target best.

    `probabilities` has the shape (100,), float64, sums to 1 and is read-only.
    Index i stands for quality i + 1. `curve` is the predicted curve of `Metric.value`,
    for DSSIM -log DSSIM; None from a network that does not predict it.
    """

    probabilities: Doubles
    curve: Gaussian | None = None

    @classmethod
    def from_logits(cls, logits: npt.NDArray[Any], curve: Gaussian | None = None) -> Prediction:
        """The softmax of 100 finite logits of any real type and shape."""
        flat = np.asarray(logits, np.float64).reshape(QUALITIES.size)
        # Shifted by the largest, no exponential overflows and the sum is at least 1.
        weights = np.exp(flat - flat.max())
        probabilities = weights / weights.sum()
        probabilities.setflags(write=False)
        return cls(probabilities, curve)

    @classmethod
    def from_quality(cls, quality: float) -> Prediction:
        """A normal distribution of POINT_SPREAD around one finite quality.

        It is truncated to 1 to 100; a quality outside counts as the nearest end.
        """
        centre = min(max(quality, MIN_QUALITY), MAX_QUALITY)
        return cls.from_logits(-0.5 * ((QUALITIES - centre) / POINT_SPREAD) ** 2)

    @property
    def mean(self) -> float:
        """The mean of the distribution, 1 to 100."""
        return float(self.probabilities @ QUALITIES)

    @property
    def deviation(self) -> float:
        """The standard deviation in quality steps, rounding to a whole quality included."""
        variance = float(self.probabilities @ (QUALITIES - self.mean) ** 2)
        return math.sqrt(variance + 1 / 12)

    @property
    def quality(self) -> int:
        """The likeliest quality, 1 to 100; the highest of equally likely ones."""
        best = np.flatnonzero(self.probabilities == self.probabilities.max())[-1]
        return int(QUALITIES[best])


def curve_of(mean: npt.NDArray[Any], factor: npt.NDArray[Any], residual: float) -> Gaussian:
    """A curve of values of a metric, from its mean (100,) and a factor F (k, 100), both finite.

    The covariance is F^T F plus a smooth part of standard deviation `residual` for the variation
    that k components do not explain. The arrays are read-only.
    """
    factor = np.asarray(factor, np.float64)
    covariance = factor.T @ factor + unexplained(residual)
    centre = np.array(mean, np.float64)
    for array in (centre, covariance):
        array.setflags(write=False)
    return Gaussian(centre, covariance)


@runtime_checkable
class Predictor(Protocol):
    """A network that is ready to predict. Thread-safe."""

    @property
    def info(self) -> NetworkInfo:
        """The network in use. It may change when its file does."""

    @property
    def available(self) -> bool:
        """Whether it predicts; False while its circuit is open after repeated failures."""

    def predict(
        self,
        pixels: Pixels,
        target: float,
        deadline: Deadline | None = None,
        metric: str = DSSIM.name,
    ) -> Prediction:
        """Predict the quality at which `pixels` reach the score `target` of `metric`.

        `metric` is one of `info.metrics`. Networks that were trained for a single
        target ignore `target`. Raises PredictionFailed without a usable answer
        (CircuitOpen if the network was not run) and Overloaded if its queue is
        full. Raises DeadlinePassed or RequestCancelled at once when `deadline`
        passes or is cancelled.
        """
