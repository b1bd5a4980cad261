"""Small corpora, images with made curves, and a network that records what it learns from."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

from autoquality_core.images import Pixels, from_raw
from autoquality_core.metrics import DSSIM, Metric
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_core.types import RawSource
from autoquality_train.cli.main import cli
from autoquality_train.examples import Examples
from autoquality_train.fitting import load_network
from autoquality_train.judging.swept import Swept
from autoquality_train.labels.sweeps import FloatArray, Sweep
from tests.photos import crop

PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "camera.png", "moon.png")
GRAPHICS = ("text.png", "page.png", "logo.png", "color.png", "coins.png", "brick.png")
SIDE = 512


def run(*arguments: str) -> Result:
    """Run `autoquality-train`."""
    return CliRunner().invoke(cli, arguments)


def corpus(folder: Path, each: int = 6, width: int = 56, height: int = 48) -> Path:
    """The middles of `each` photographs and as many graphics, in two folders."""
    for kind, names in (("photos", PHOTOS), ("graphics", GRAPHICS)):
        (folder / kind).mkdir(parents=True)
        for name in names[:each]:
            (folder / kind / name).with_suffix(".png").write_bytes(crop(name, width, height))
    return folder


def grey(side: int = SIDE) -> Pixels:
    """A grey image."""
    return from_raw(RawSource(side, side, 1, bytes(side * side)))


def swept(
    scores: FloatArray, setting: str = "webp", kind: str = "photos", metric: Metric = DSSIM
) -> Swept:
    """An image whose scores at quality 1 to 100 are `scores`, shape (100,)."""
    sweep = Sweep(np.arange(1, 101), {metric.name: scores}, np.linspace(0.1, 2.0, 100))
    return Swept("made.png", kind, grey(), setting, sweep, metric)


def line() -> FloatArray:
    """A DSSIM that falls by 0.0005 a step, from 0.05 at quality 1: 0.02 at 61, 0.0005 at 100."""
    return np.asarray(0.05 - 0.0005 * np.arange(100), np.float64)


@contextmanager
def untraced() -> Iterator[None]:
    """Run TensorFlow's functions step by step: tracing takes longer than a few epochs."""
    config = tensorflow().config
    config.run_functions_eagerly(True)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Even though", UserWarning)  # it traces what reads
            yield
    finally:
        config.run_functions_eagerly(False)


class Recorder:
    """`autoquality_train.network`; `seen` are the examples that it was fitted to."""

    def __init__(self) -> None:
        self._network = load_network()
        self.seen: list[Examples] = []

    def fit(self, examples: Examples, metrics: Sequence[str], **how: Any) -> Any:
        self.seen.append(examples)
        with untraced():
            return self._network.fit(examples, metrics, **how)

    def freeze(
        self, fitted: Any, path: Path, side_file: Mapping[str, Any], base: Path | None
    ) -> None:
        self._network.freeze(fitted, path, side_file, base)
