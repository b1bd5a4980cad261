"""How many predictions a second a network gives, in batches and one by one.

1 to 64 callers ask as fast as they are answered, each with an image that is
prepared already, so what is timed is the network and what lies around it: one
thread that runs batches, or every caller running the network himself. The ways
take turns in every repeat, so that whatever else the machine does slows all of
them alike; what is printed are medians.

Without a file the network is made here: some 34,000 weights, an 8 x 8
convolution with stride 8, three separable ones, a mean and 100 logits.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autoquality_core.images import ImageLimits, Pixels, from_raw
from autoquality_core.networks import LoadOptions, Network, load
from autoquality_core.networks.tensorflow import tensorflow
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Device, RawSource
from autoquality_server.inference.batching import Batcher, BatchLimits
from autoquality_server.inference.events import NoEvents

CALLERS = (1, 2, 4, 8, 16, 32, 64)
TARGET = 0.02

Ask = Callable[[npt.NDArray[Any]], object]


class Way(NamedTuple):
    """A way to ask the network."""

    name: str
    ask: Ask


class Figures(NamedTuple):
    """Predictions a second, and the median and 95th percentile of a caller's wait in seconds."""

    rate: float
    median: float
    slow: float


def stand_in(path: Path, seed: int = 7) -> Path:
    """A network of the size of ours, untrained: uint8 images, logits for each."""
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


def measured(ask: Ask, images: Sequence[npt.NDArray[Any]], callers: int, seconds: float) -> Figures:
    """Let `callers` ask for `seconds`."""
    waits: list[list[float]] = [[] for _ in range(callers)]
    begin = threading.Barrier(callers + 1)
    end = threading.Event()

    def work(mine: list[float], image: npt.NDArray[Any]) -> None:
        begin.wait()
        while not end.is_set():
            start = time.perf_counter()
            ask(image)
            mine.append(time.perf_counter() - start)

    threads = [
        threading.Thread(target=work, args=(mine, images[i % len(images)]))
        for i, mine in enumerate(waits)
    ]
    for thread in threads:
        thread.start()
    begin.wait()
    start = time.perf_counter()
    time.sleep(seconds)
    end.set()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    every = sorted(wait for mine in waits for wait in mine)
    return Figures(len(every) / took, statistics.median(every), every[int(0.95 * len(every))])


def ways(path: Path, arguments: argparse.Namespace) -> tuple[Network, list[Way]]:
    """The network, and the ways to ask it: each batched way has a copy of its own."""
    options = LoadOptions(arguments.device, arguments.threads, sizes_up_to(arguments.max_batch))
    alone = load(path, options)
    least = alone.batch_sizes[0]

    def one_by_one(image: npt.NDArray[Any]) -> object:
        return alone.run([image] * least, [TARGET] * least)

    found = [Way("one by one", one_by_one)]
    for micros in arguments.timeouts:
        limits = BatchLimits(arguments.max_batch, micros, 64)
        batcher = Batcher(load(path, options), limits, NoEvents())
        ask = partial(ask_batcher, batcher)
        found.append(Way(f"batches, {micros} us", ask))
    return alone, found


def ask_batcher(batcher: Batcher, image: npt.NDArray[Any]) -> object:
    """One prediction from a batcher."""
    return batcher.predict(image, TARGET, Deadline())


def noise(seed: int) -> Pixels:
    """An image of 640 x 480 random pixels."""
    samples = np.random.default_rng(seed).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    source = RawSource(640, 480, 3, samples.tobytes())
    return from_raw(source, ImageLimits(samples.nbytes, samples.size))


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
                runs[way.name].append(measured(way.ask, images, callers, arguments.seconds))
        cells = [median_of(runs[name]) for name in names]
        print(f"| {callers} | {' | '.join(cells)} |", flush=True)


def median_of(runs: list[Figures]) -> str:
    """Two cells of the table: the medians of the repeats."""
    rate, median, slow = (statistics.median(values) for values in zip(*runs, strict=True))
    return f"{rate:.0f} | {median * 1e3:.1f}, {slow * 1e3:.1f}"


def main() -> None:
    """Parse the arguments and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", nargs="?", type=Path, help="a frozen graph (default: made)")
    parser.add_argument("--callers", type=int, nargs="+", default=CALLERS)
    parser.add_argument("--timeouts", type=int, nargs="+", default=[0], help="batch_timeout_micros")
    parser.add_argument("--max-batch", type=int, default=8, help="a power of two (default: 8)")
    parser.add_argument("--threads", type=int, default=1, help="of one operation (default: 1)")
    parser.add_argument("--device", type=Device, default=Device.AUTO, help="auto, cpu or gpu")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure (default: 1)")
    parser.add_argument("--repeats", type=int, default=5, help="of each figure (default: 5)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(arguments.network or stand_in(Path(folder) / "stand-in.pb"), arguments)


if __name__ == "__main__":
    main()
