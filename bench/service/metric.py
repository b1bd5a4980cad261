"""The time of the metric alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from autoquality_core.metrics.dssim.reference import Reference, compare
from bench.clock import here
from bench.record import Measure, spread_of

WANTED_METRIC = 1.5
"""Milliseconds a megapixel."""

METRIC_SIZES = (0.25, 1.0, 8.0)


def metric(rounds: int) -> Iterator[Measure]:
    """The DSSIM of one probe with the service's sampling, in milliseconds a megapixel.

    On noise, because the time does not depend on the content.
    """
    compare(*np.zeros((2, 1, 1, 11, 11), np.uint8))  # compiles the loops
    random = np.random.default_rng(7)
    for size in METRIC_SIZES:
        side = round((size * 1e6) ** 0.5)
        one, other = random.integers(0, 256, (2, 1, 1, side, side), np.uint8)
        measure = partial(Reference(one).dssim, other)
        times = [1e3 * here(measure)[1].cpu / (side * side / 1e6) for _ in range(rounds)]
        yield Measure(
            *("DSSIM kernel", "service", f"{size:g} megapixels", "", *spread_of(times)),
            *("ms/MP", "lower", rounds, WANTED_METRIC),
        )
