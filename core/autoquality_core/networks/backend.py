"""A network's graph in the library that runs it, and the checks that it passes while loading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from autoquality_core.metrics import DSSIM, METRICS, Metric
from autoquality_core.networks.errors import NetworkError, PredictionFailed
from autoquality_core.networks.prediction import Prediction
from autoquality_core.runtime.arrays import Bytes, Doubles

Array = npt.NDArray[Any]
Rgb = Bytes
"""An image of the shape (side, side, 3), R first, 0 to 255."""

Outputs = tuple[Array, ...]
"""What a graph answers for one image."""

_GREY = 128
_CHECK_TARGETS = (0.5, 2.0)
"""Targets of generated images, relative to the default target of a metric."""

_TOLERANCE = 0.01
"""How far an output may differ in a batch, relative to the largest: libraries use other kernels
for batches, which round differently."""


class Backend(ABC):
    """One reading of a network's graph, in the library that runs it. Thread-safe.

    Its input has `side` x `side` pixels, as float32 in [0, 1] or else as uint8,
    with the channels first or last. `batch` is the only batch size that the graph
    takes, None if it takes any. `runtime` is the name of the library, `device` is
    "CPU:0" or "GPU:0". `metrics` are the names of the metrics that it predicts.
    """

    side: ClassVar[int]
    runtime: ClassVar[str]
    is_float: bool
    channels_first: bool
    batch: int | None
    device: str
    metrics: tuple[str, ...] = (DSSIM.name,)

    def prepare(self, image: Rgb) -> Array:
        """An image in the graph's type and layout."""
        pixels: Array = image
        if self.is_float:
            pixels = np.divide(image, np.float32(255), dtype=np.float32)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1) if self.channels_first else pixels)

    @abstractmethod
    def run(
        self, images: Sequence[Array], targets: npt.ArrayLike, metrics: Sequence[str]
    ) -> Sequence[Outputs]:
        """The outputs for each of some prepared images.

        Each image has a target, a score of its metric, which is one of `self.metrics`.
        Raises PredictionFailed.
        """

    @abstractmethod
    def decode(self, metric: str, *outputs: Array) -> Prediction:
        """The prediction of one image's outputs, all finite. Raises PredictionFailed."""

    @abstractmethod
    def close(self) -> None:
        """Release the library's resources."""


def layouts(shape: Sequence[object] | None, side: int) -> list[bool]:
    """The values of `channels_first` that the shape of an image input allows.

    Open sizes are no integers; without a shape, even the rank is open.
    """
    images = {False: (side, side, 3), True: (3, side, side)}
    if shape is None:
        return list(images)
    known = [(at, size) for at, size in enumerate(shape[1:]) if isinstance(size, int)]
    return [
        channels_first
        for channels_first, image in images.items()
        if len(shape) == 4 and all(image[at] == size for at, size in known)
    ]


def check_finite(outputs: Outputs) -> None:
    """Raise PredictionFailed if an output is infinite or not a number."""
    if not all(np.isfinite(part).all() for part in outputs):
        raise PredictionFailed("its answer is not finite")


def first_working(
    path: Path, backends: Iterable[Backend], check: Callable[[Outputs], None] = check_finite
) -> Backend:
    """The first of several readings of one graph whose outputs for a grey image pass `check`.

    Raises NetworkError with the problem of the first reading if none does.
    """
    problem = ""
    for backend in backends:
        size = backend.batch or 1
        image = backend.prepare(np.full((backend.side, backend.side, 3), _GREY, np.uint8))
        try:
            for metric in backend.metrics:
                targets = [METRICS[metric].default_target] * size
                for outputs in backend.run([image] * size, targets, [metric] * size):
                    check(outputs)
        except PredictionFailed as error:
            problem = problem or f"it fails on a grey image: {error}"
        else:
            return backend
    raise NetworkError(path, problem)


def working_batch_sizes(backend: Backend, wanted: Iterable[int]) -> tuple[int, ...]:
    """All of `wanted` in rising order if `backend` runs each of them correctly, else 1 alone.

    Each image of a batch must get the outputs that it gets alone. Some exported
    networks mix the images of a batch, or use one image's target for all of them.
    Every size is run, so that the library compiles its code for each; `first_working` has run 1.
    """
    sizes = sorted(set(wanted))
    if sizes == [1]:
        return (1,)
    images = [backend.prepare(image) for image in _check_images(backend.side)]
    examples = {
        metric: [
            (image, target, metric)
            for image, target in zip(images, _check_targets(METRICS[metric]), strict=True)
        ]
        for metric in backend.metrics
    }
    together = [one for some in zip(*examples.values(), strict=True) for one in some]
    for some in (*examples.values(), together):
        alone = [_rows(backend, [one])[0] for one in some]
        for size in sizes:
            which = [i % len(some) for i in range(size)]
            try:
                batch = _rows(backend, [some[i] for i in which])
            except Exception:  # noqa: BLE001 - any error means that it cannot run batches
                return (1,)
            expected = [alone[i] for i in which]
            if not all(map(_equal, batch, expected)):
                return (1,)
    return tuple(sizes)


def _rows(backend: Backend, examples: Sequence[tuple[Array, float, str]]) -> list[Doubles]:
    """All outputs of each image in one row."""
    images, targets, metrics = zip(*examples, strict=True)
    rows = backend.run(images, targets, metrics)
    return [np.concatenate([np.ravel(part) for part in row]).astype(np.float64) for row in rows]


def _equal(row: Doubles, expected: Doubles) -> bool:
    limit = _TOLERANCE * (1 + np.abs(expected).max())
    return row.shape == expected.shape and bool(np.abs(row - expected).max() <= limit)


def _check_targets(metric: Metric) -> list[float]:
    low, high = metric.low, metric.high
    return [min(max(part * metric.default_target, low), high) for part in _CHECK_TARGETS]


def _check_images(side: int) -> tuple[Rgb, Rgb]:
    """A grey image, and one that differs from it in the mean of every channel."""
    ramp = np.linspace(0, 255, side).astype(np.uint8)
    planes = np.broadcast_arrays(ramp[:, None] // 2, 255 - ramp[None, :] // 3, np.uint8(32))
    return np.full((side, side, 3), _GREY, np.uint8), np.stack(planes, -1)
