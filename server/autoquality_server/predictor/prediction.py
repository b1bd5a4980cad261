"""What a predictor is, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from autoquality_server.domain import MAX_QUALITY, MIN_QUALITY
from autoquality_server.image.pixels import Pixels

QUALITIES = np.arange(MIN_QUALITY, MAX_QUALITY + 1)


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """Which network this is.

    `name` is the file's, without its folder; `sha256` the file's, in
    hexadecimal; `device` where it runs, "CPU:0" or "GPU:0".
    """

    name: str
    sha256: str
    device: str


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """How likely each quality is to be the right one.

    `probabilities` has the shape (100,), float64, sums to 1 and is read-only;
    index i stands for quality i + 1.
    """

    probabilities: npt.NDArray[np.float64]

    @classmethod
    def from_logits(cls, logits: npt.NDArray[Any]) -> Prediction:
        """The softmax of 100 finite logits of any real type and shape."""
        flat = np.asarray(logits, np.float64).reshape(QUALITIES.size)
        # Shifted by the largest, no exponential overflows and the sum is at least 1.
        weights = np.exp(flat - flat.max())
        probabilities = weights / weights.sum()
        probabilities.setflags(write=False)
        return cls(probabilities)

    @property
    def quality(self) -> int:
        """The likeliest quality, 1 to 100; among equals the highest."""
        best = np.flatnonzero(self.probabilities == self.probabilities.max())[-1]
        return int(QUALITIES[best])


class Predictor(Protocol):
    """A loaded network. Thread-safe: one is shared by all that need it."""

    @property
    def info(self) -> NetworkInfo:
        """Which network this is."""
        ...

    def predict(self, pixels: Pixels, target: float) -> Prediction:
        """Predict the quality at which `pixels` reach the DSSIM `target`, 0 to 1.

        Networks trained for one target only ignore `target`. Raises
        PredictionFailed if the network gives no finite answer.
        """
        ...

    def warm_up(self) -> None:
        """Predict once, so that the first request does not pay for set-up.

        Raises PredictionFailed as `predict` does.
        """
        ...
