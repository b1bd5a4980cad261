"""What one prediction costs: the mosaic and the network, on one core, a table of medians.

    OPENBLAS_NUM_THREADS=1 python -m bench.prediction_time IMAGES...

CPU time of this process, with one thread for an operation (the variable is what
the server sets for itself), so that what else runs here disturbs little.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from autoquality_core.images import Pixels
from autoquality_core.networks import load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.types import Format
from autoquality_train.samples import decode, images_in

TARGET = 0.02
REPEATS = 15


def cpu_ms(work: Callable[[], object]) -> list[float]:
    """Milliseconds of CPU time, `REPEATS` times, the first time left out."""
    found = []
    for _ in range(REPEATS + 1):
        start = time.process_time()
        work()
        found.append((time.process_time() - start) * 1e3)
    return found[1:]


def row(fmt: Format, path: Path, images: list[Pixels]) -> str:
    """One network's line: median and 95th percentile over images and repeats."""
    network = load(path)
    made = [ms for one in images for ms in cpu_ms(partial(network.prepare, one))]
    whole = [ms for one in images for ms in cpu_ms(partial(network.predict, one, TARGET))]
    high = statistics.quantiles(whole, n=20)[-1]
    return (
        f"| {fmt.value} | {len(images)} | {statistics.median(made):.2f} "
        f"| {statistics.median(whole):.2f} | {high:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", nargs="+", type=Path, help="image files, or folders of them")
    args = parser.parse_args()
    images = [decode(path) for path in images_in(args.images)]
    if not images:
        parser.error("no images among the arguments")
    print("| network | images | mosaic, ms | prediction with it, ms | 95th percentile, ms |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for fmt in (Format.JPEG, Format.WEBP, Format.AVIF):
        path = bundled_network(fmt)
        if path is not None:
            print(row(fmt, path, images), flush=True)


if __name__ == "__main__":
    main()
