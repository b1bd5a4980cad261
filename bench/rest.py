"""Measures a server's start, its memory at rest and its predictions, in NumPy and in TensorFlow.

The ways take turns in every round. The start is processor time until the server is SERVING:
its time on an idle core. Predictions are measured in this process, on one core.

    python -m bench.rest
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from autoquality_core.formats import WITH_QUALITY
from autoquality_core.metrics import METRICS
from autoquality_core.networks.backend import Array, Backend
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.networks.frozen_graph import open_frozen_graph
from autoquality_core.networks.network import LoadOptions
from autoquality_core.networks.numpy_graph import NumPyGraph
from autoquality_core.networks.side_file import read_side_file
from autoquality_core.runtime.allocator import limit_arenas
from autoquality_core.types import Device
from bench.clock import here
from bench.command import parser
from bench.record import FOLDER, Measure, Record, record_of, spread_of
from bench.record.changes import finish
from bench.record.markdown import cell, made, table
from bench.serving import MIB, networks, serving

NUMPY, TENSORFLOW = "NumPy", "TensorFlow"
SERVERS = {
    NUMPY: ("autoquality_server", networks("bundled")),
    TENSORFLOW: ("bench.with_tensorflow", networks("bundled")),
    "no networks": ("autoquality_server", networks("none")),
}
LIBRARIES = ("numpy", "onnxruntime", "tensorflow")
BATCHES = (1, 8)
START, REST = "start", "at rest"
WANTED = {(START, NUMPY): 2.5, (REST, NUMPY): 350.0}
"""Seconds, MiB."""

_IMPORT = """
import sys, time
import {}
pages = int(open("/proc/self/statm").read().split()[1])
print(time.process_time(), pages * 4096)
"""

Runs = Mapping[str, Sequence[float]]
"""The figure of every round, by the name of what it was measured of."""


def starts(rounds: int) -> Iterator[Measure]:
    """The start of a server and its memory at rest, by what runs the networks."""
    seconds, sizes = defaultdict(list), defaultdict(list)
    for _ in range(rounds):
        for name, (module, settings) in SERVERS.items():
            with serving(None, module, workers="1", **settings) as server:
                seconds[name].append(server.cpu())
                sizes[name].append(server.resident() / MIB)
    yield from compared(START, "server", seconds, "s")
    yield from compared(REST, "server", sizes, "MiB")


def imports(rounds: int) -> Iterator[Measure]:
    """The start of a process that imports one library, and its memory."""
    seconds, sizes = defaultdict(list), defaultdict(list)
    for _ in range(rounds):
        for name in LIBRARIES:
            words = [sys.executable, "-c", _IMPORT.format(name)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            took, size = done.stdout.split()
            seconds[name].append(float(took))
            sizes[name].append(float(size) / MIB)
    yield from compared(START, "import alone", seconds, "s")
    yield from compared(REST, "import alone", sizes, "MiB")


def predictions(rounds: int, calls: int) -> Iterator[Measure]:
    """The processor time of a prediction, by metric and batch size, over all bundled networks."""
    backends = list(_backends())
    random = np.random.default_rng(1)
    for metric in METRICS:
        for size in BATCHES:
            images = list(random.integers(0, 256, (size, 416, 416, 3), np.uint8))
            runs = defaultdict(list)
            for at in range(rounds + 1):
                for name in (NUMPY, TENSORFLOW):
                    work = partial(_predict, [one[name] for one in backends], images, metric, calls)
                    milliseconds = 1000 * here(work)[1].cpu / (calls * size * len(backends))
                    if at:  # the first round warms up
                        runs[name].append(milliseconds)
            yield from compared("prediction", f"{metric}, batches of {size}", runs, "ms")


def compared(what: str, setting: str, runs: Runs, unit: str) -> Iterator[Measure]:
    """The figures of each way, and their ratio to the first way's in the same round."""
    first = next(iter(runs.values()))
    for name, values in runs.items():
        wanted = WANTED.get((what, name)) if setting == "server" else None
        median, low, high = spread_of(values)
        yield Measure(
            *(what, name, setting, "", median, low, high, unit, "lower", len(values), wanted)
        )
        ratios = [value / other for value, other in zip(values, first, strict=True)]
        if values is not first:
            median, low, high = spread_of(ratios)
            yield Measure(
                *(what, name, setting, "ratio", median, low, high, "x", "neither", len(values))
            )


def page(record: Record) -> str:
    """The measures as a table, each with its ratio to the first of its group."""
    rows = []
    for one in record.measures:
        if one.goal:
            continue
        ratio = record.find(what=one.what, by=one.by, setting=one.setting, goal="ratio")
        ratios = cell(ratio[0]) if ratio else "1"
        rows.append((one.what, one.setting, one.by, f"{cell(one)} {one.unit}", ratios))
    header = ("measured", "of", "in", "median (quartiles)", "ratio to the first")
    return f"{made(record)}.\n\n{table(header, rows)}"


def _backends() -> Iterator[Mapping[str, Backend]]:
    options = LoadOptions(Device.CPU)
    for path in filter(None, map(bundled_network, WITH_QUALITY)):
        side_file, data = read_side_file(path), path.read_bytes()
        assert side_file
        tensorflow = open_frozen_graph(path, data, side_file, options)
        yield {NUMPY: NumPyGraph(data, side_file), TENSORFLOW: tensorflow}


def _predict(backends: Sequence[Backend], images: Sequence[Array], metric: str, calls: int) -> None:
    targets = [METRICS[metric].default_target] * len(images)
    for backend in backends:
        for _ in range(calls):
            backend.run(images, targets, [metric] * len(images))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record and print the changes."""
    given = parser("bench.rest", __doc__)
    given.add_argument("--rounds", type=int, default=5, help="for medians (default: 5)")
    given.add_argument("--calls", type=int, default=20, help="predictions a round (default: 20)")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")
    args = given.parse_args(arguments)
    if min(args.rounds, args.calls) < 1:
        given.error("--rounds and --calls: must be at least 1")
    limit_arenas()  # as the server does
    measures = [
        *starts(args.rounds),
        *imports(args.rounds),
        *predictions(args.rounds, args.calls),
    ]
    record = record_of("rest", measures, {"rounds": args.rounds, "calls": args.calls})
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
