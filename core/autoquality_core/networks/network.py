"""What every loaded network is, whichever library runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from autoquality_core.images.pixels import Pixels
from autoquality_core.networks.errors import PredictionFailed
from autoquality_core.networks.prediction import NetworkInfo, Prediction
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Device

Answer = Prediction | PredictionFailed
"""What a network says of one image: an unusable answer is that image's alone."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How networks are loaded.

    `threads` bounds what one operation of one run uses, and is settled by the
    first network of the process. Every one of `batch_sizes` is run once while
    loading; a network that cannot take them runs one image at a time. So does one
    on a CPU without `batch_on_cpu`.
    """

    device: Device = Device.AUTO
    threads: int = 1
    batch_sizes: tuple[int, ...] = (1,)
    batch_on_cpu: bool = True

    def batch_sizes_on(self, device: str) -> tuple[int, ...]:
        """The sizes to run on a device such as "CPU:0"."""
        return self.batch_sizes if self.batch_on_cpu or device.startswith("GPU") else (1,)


class Network(ABC):
    """A network in memory. Also a Predictor as it is, without batches or a queue."""

    @property
    @abstractmethod
    def info(self) -> NetworkInfo:
        """Which network this is."""

    @property
    @abstractmethod
    def batch_sizes(self) -> tuple[int, ...]:
        """The sizes of batches that it was seen to run, rising."""

    @abstractmethod
    def prepare(self, pixels: Pixels) -> npt.NDArray[Any]:
        """`pixels` as this network sees them, in its own type and layout, without a batch."""

    @abstractmethod
    def run(self, images: Sequence[npt.NDArray[Any]], targets: Sequence[float]) -> Sequence[Answer]:
        """Predict for one of `batch_sizes` prepared images, each with its target DSSIM.

        Raises PredictionFailed where nothing usable came back for any of them.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what it holds; nothing may run any more."""

    @property
    def available(self) -> bool:
        """See Predictor."""
        return True

    def predict(
        self, pixels: Pixels, target: float, deadline: Deadline | None = None
    ) -> Prediction:
        """See Predictor."""
        size = self.batch_sizes[0]
        answer = self.run([self.prepare(pixels)] * size, [target] * size)[0]
        if isinstance(answer, PredictionFailed):
            raise answer
        return answer
