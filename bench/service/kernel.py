"""The metric alone: one probe's DSSIM by the service's sampling, on one core."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autoquality_core.metrics.dssim import reference as dssim
from bench.clock import here
from bench.record import Measure, spread_of

SIZES = (0.25, 1.0, 8.0)
WANTED = 1.5


def kernel(rounds: int) -> Iterator[Measure]:
    """Milliseconds a megapixel; luma of noise, as time does not depend on what it shows."""
    dssim.warm_up()
    random = np.random.default_rng(7)
    for size in SIZES:
        side = round((size * 1e6) ** 0.5)
        one, other = random.integers(0, 256, (2, 1, 1, side, side), np.uint8)
        reference = dssim.Reference(one)
        times = [
            1e3 * here(lambda: reference.dssim(other))[1].cpu / (side * side / 1e6)  # noqa: B023
            for _ in range(rounds)
        ]
        yield Measure(
            *("DSSIM kernel", "service", f"{size:g} megapixels", "", *spread_of(times)),
            *("ms/MP", "lower", rounds, WANTED),
        )
