"""A loaded network, whichever library runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoquality_core.images.pixels import Pixels
from autoquality_core.metrics import DSSIM
from autoquality_core.networks.backend import (
    Array,
    Backend,
    Outputs,
    Rgb,
    check_finite,
    working_batch_sizes,
)
from autoquality_core.networks.errors import PredictionFailed, one_line
from autoquality_core.networks.prediction import NetworkInfo, Prediction
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Device

Recipe = Callable[[Pixels], Rgb]
"""Makes a network's input of an image."""

PredictionResult = Prediction | PredictionFailed
"""The result for one image of a batch. A failure concerns that image only."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to load networks.

    `threads` bounds the threads of one operation; the first network of a process
    settles it. Loading runs each of `batch_sizes` once. A network that cannot run
    them, or runs on a CPU without `batch_on_cpu`, runs one image at a time.
    """

    device: Device = Device.AUTO
    threads: int = 1
    batch_sizes: tuple[int, ...] = (1,)
    batch_on_cpu: bool = True


class Network:
    """A network in memory. It is a Predictor without batches or a queue."""

    available = True

    def __init__(
        self,
        info: NetworkInfo,
        backend: Backend,
        recipe: Recipe,
        targets: Mapping[str, tuple[float, float]],
        batch_sizes: tuple[int, ...],
        load_again: Callable[[], Network],
    ) -> None:
        """Take over `backend` and find out which of `batch_sizes` it can run.

        `targets` are the least and the greatest score that it was trained for, by
        metric. `load_again` loads it in the process that unpickles it.
        Raises PredictionFailed if it cannot run a single image.
        """
        self.info = info
        self._backend = backend
        self._recipe = recipe
        self._targets = targets
        self._load_again = load_again
        self.batch_sizes: tuple[int, ...] = (
            working_batch_sizes(backend, batch_sizes) if backend.batch is None else (backend.batch,)
        )
        """The batch sizes that it can run, in rising order."""

    def __reduce__(self) -> tuple[Callable[[], Network], tuple[()]]:
        return self._load_again, ()

    def prepare(self, pixels: Pixels) -> Array:
        """The input for `pixels` in the graph's own type and layout, without a batch dimension."""
        return self._backend.prepare(self._recipe(pixels))

    def run(
        self, images: Sequence[Array], targets: Sequence[float], metrics: Sequence[str]
    ) -> Sequence[PredictionResult]:
        """Predict for prepared images, one of `batch_sizes` in number.

        Each has a target, and the name of the metric that the target is a score of.
        Targets outside the trained range count as its nearest end. Raises
        PredictionFailed if there is no usable output for any image.
        """
        # A reload may have replaced a network that knew another metric.
        run = [metric if metric in self.info.metrics else DSSIM.name for metric in metrics]
        clipped = [
            float(np.clip(target, *self._targets[metric]))
            for target, metric in zip(targets, run, strict=True)
        ]
        try:
            rows = self._backend.run(images, clipped, run)
        except PredictionFailed as error:
            raise self._failure(error) from error
        return [self._result(row, metric) for row, metric in zip(rows, metrics, strict=True)]

    def predict(
        self,
        pixels: Pixels,
        target: float,
        deadline: Deadline | None = None,
        metric: str = DSSIM.name,
    ) -> Prediction:
        size = self.batch_sizes[0]
        result = self.run([self.prepare(pixels)] * size, [target] * size, [metric] * size)[0]
        if isinstance(result, PredictionFailed):
            raise result
        return result

    def close(self) -> None:
        """Release its resources. It must not run any more."""
        self._backend.close()

    def _result(self, outputs: Outputs, metric: str) -> PredictionResult:
        if metric not in self.info.metrics:
            return self._failure(PredictionFailed(f"it does not predict {metric}"))
        try:
            check_finite(outputs)
            return self._backend.decode(metric, *outputs)
        except PredictionFailed as error:
            return self._failure(error)

    def _failure(self, error: PredictionFailed) -> PredictionFailed:
        return PredictionFailed(f"{self.info.name}: {one_line(str(error))}")
