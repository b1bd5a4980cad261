"""Measures predictions a second of a network, in batches and one by one.

1 to 64 callers predict continuously, each with a prepared image. Either one thread runs batches for
all callers, or every caller runs the network itself. The ways take turns in every repeat, so that
other load slows all of them equally. The tables show medians.

Without a file, an untrained network is made: 34,000 weights, an 8 x 8 convolution with stride 8,
three separable ones, a mean and 100 logits.

    python -m bench.prediction_batching [NETWORK.pb]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry

from autoquality_core.images import Pixels, from_raw
from autoquality_core.metrics import DSSIM
from autoquality_core.networks import LoadOptions, Network, load
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Device, Format, RawSource
from autoquality_server.config.groups.quality import PredictionSettings
from autoquality_server.inference.batching import Batcher
from autoquality_server.telemetry.predictor_metrics import PredictorMetrics
from bench.clock import repeat
from bench.command import parser

CALLERS = (1, 2, 4, 8, 16, 32, 64)
TARGET = 0.02

Predict = Callable[[npt.NDArray[Any]], object]


class Way(NamedTuple):
    """A way to use the network."""

    name: str
    predict: Predict


class Figures(NamedTuple):
    """Predictions a second, and median and 95th percentile of the waiting time in seconds."""

    rate: float
    median: float
    slow: float


def untrained_network(path: Path, seed: int = 7) -> Path:
    """Write an untrained network as large as ours: uint8 images to logits."""
    tf = tensorflow()
    random = np.random.default_rng(seed)

    def weights(*shape: int) -> Any:
        return tf.constant(random.normal(0, 0.1, shape).astype(np.float32))

    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder("uint8", [None, 416, 416, 3], "image")
        x = tf.cast(image, tf.float32) / 127.5 - 1.0
        x = tf.nn.relu(tf.nn.conv2d(x, weights(8, 8, 3, 48), 8, "VALID"))
        for wide in (64, 96, 128):
            narrow = x.shape[-1]
            x = tf.nn.depthwise_conv2d(x, weights(3, 3, narrow, 1), [1, 1, 1, 1], "SAME")
            x = tf.nn.relu(tf.nn.conv2d(x, weights(1, 1, narrow, wide), 1, "SAME"))
        tf.matmul(tf.reduce_mean(x, [1, 2]), weights(128, 100), name="logits")
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def measured(
    predict: Predict, images: Sequence[npt.NDArray[Any]], callers: int, seconds: float
) -> Figures:
    """Predict in `callers` threads for `seconds`."""
    waits, took = repeat(lambda number: predict(images[number % len(images)]), callers, seconds)
    waits.sort()
    return Figures(len(waits) / took, statistics.median(waits), waits[int(0.95 * len(waits))])


def ways(path: Path, arguments: argparse.Namespace) -> tuple[Network, list[Way]]:
    """The network, and the ways to use it; each batched way has a copy."""
    options = LoadOptions(arguments.device, arguments.threads, sizes_up_to(arguments.max_batch))
    alone = load(path, options)
    least = alone.batch_sizes[0]

    def one_by_one(image: npt.NDArray[Any]) -> object:
        return alone.run([image] * least, [TARGET] * least, [DSSIM.name] * least)

    found = [Way("one by one", one_by_one)]
    for micros in arguments.timeouts:
        settings = PredictionSettings(
            max_batch_size=arguments.max_batch,
            batch_timeout_micros=micros,
            max_enqueued_batches=64,
        )
        events = PredictorMetrics(CollectorRegistry()).of(Format.JPEG)
        batcher = Batcher(load(path, options), settings, events)
        found.append(Way(f"batches, {micros} us", partial(predict_in_batch, batcher)))
    return alone, found


def predict_in_batch(batcher: Batcher, image: npt.NDArray[Any]) -> object:
    """One prediction from a batcher."""
    return batcher.predict(image, TARGET, Deadline())


def noise(seed: int) -> Pixels:
    """An image of 640 x 480 random pixels."""
    samples = np.random.default_rng(seed).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    source = RawSource(640, 480, 3, samples.tobytes())
    return from_raw(source)


def sizes_up_to(largest: int) -> tuple[int, ...]:
    """The powers of two up to `largest`."""
    return tuple(2**power for power in range(largest.bit_length()))


def report(path: Path, arguments: argparse.Namespace) -> None:
    """Measure everything and print the tables."""
    network, candidates = ways(path, arguments)
    images = [network.prepare(noise(seed)) for seed in range(8)]
    print(f"{path.name} on {network.info.device}, {arguments.threads} threads an operation\n")
    names = [way.name for way in candidates]
    print(f"| callers | {' | '.join(f'{name}: a second | median, 95 % ms' for name in names)} |")
    print(f"| ---: {'| ---: | ---: ' * len(names)}|")
    for callers in arguments.callers:
        runs: dict[str, list[Figures]] = {name: [] for name in names}
        for _ in range(arguments.repeats):
            for way in candidates:
                runs[way.name].append(measured(way.predict, images, callers, arguments.seconds))
        cells = [median_of(runs[name]) for name in names]
        print(f"| {callers} | {' | '.join(cells)} |", flush=True)


def median_of(runs: list[Figures]) -> str:
    """Two cells of the table with the medians of the repeats."""
    rate, median, slow = (statistics.median(values) for values in zip(*runs, strict=True))
    return f"{rate:.0f} | {median * 1e3:.1f}, {slow * 1e3:.1f}"


def main() -> None:
    given = parser("bench.prediction_batching", __doc__)
    given.add_argument(
        "network", nargs="?", type=Path, help="a frozen graph (default: an untrained network)"
    )
    given.add_argument("--callers", type=int, nargs="+", default=CALLERS)
    given.add_argument("--timeouts", type=int, nargs="+", default=[0], help="batch_timeout_micros")
    given.add_argument("--max-batch", type=int, default=8, help="a power of two (default: 8)")
    given.add_argument("--threads", type=int, default=1, help="for one operation (default: 1)")
    given.add_argument("--device", type=Device, default=Device.AUTO, help="auto, cpu or gpu")
    given.add_argument("--seconds", type=float, default=1.0, help="for each number (default: 1)")
    given.add_argument("--repeats", type=int, default=5, help="of each number (default: 5)")
    arguments = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(arguments.network or untrained_network(Path(folder) / "untrained.pb"), arguments)


if __name__ == "__main__":
    main()
