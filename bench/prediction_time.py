"""Measures the time of one prediction on one core: the mosaic and the network.

Times are processor time of this process, with one thread for each operation, as in the server.

    python -m bench.prediction_time IMAGES...
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

from autoquality_core.images import Pixels
from autoquality_core.networks import Predictor
from autoquality_core.networks.network import Network
from autoquality_core.types import Format
from autoquality_train.corpus.samples import decode
from bench.clock import here
from bench.command import add_images, images_of, parser
from bench.compare.ours import predictors

TARGET = 0.02
REPEATS = 15


def cpu_ms(work: Callable[[], object]) -> list[float]:
    """Milliseconds of processor time, `REPEATS` times, after a first time that does not count."""
    return [1e3 * here(work)[1].cpu for _ in range(REPEATS + 1)][1:]


def row(fmt: Format, network: Predictor, images: list[Pixels]) -> str:
    """The line of one network: medians and 95th percentile over images and repeats."""
    assert isinstance(network, Network)
    prepared = [ms for one in images for ms in cpu_ms(partial(network.prepare, one))]
    whole = [ms for one in images for ms in cpu_ms(partial(network.predict, one, TARGET))]
    high = statistics.quantiles(whole, n=20)[-1]
    return (
        f"| {fmt.value} | {len(images)} | {statistics.median(prepared):.2f} "
        f"| {statistics.median(whole):.2f} | {high:.2f} |"
    )


def main() -> None:
    given = parser("bench.prediction_time", __doc__)
    add_images(given)
    args = given.parse_args()
    images = [decode(path) for path in images_of(given, args)]
    print("| network | images | mosaic, ms | prediction with it, ms | 95th percentile, ms |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for fmt, network in predictors().items():
        print(row(fmt, network, images), flush=True)


if __name__ == "__main__":
    main()
