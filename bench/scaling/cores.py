"""Throughput against cores: a real server that `taskset` gives one core, two ..."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from autoquality import Client
from bench.pictures import picture
from bench.record import Better, Measure
from bench.record.measure import short
from bench.scaling.callers import FORMAT, MEGAPIXELS, ask
from bench.serving import alone, serving


def usable() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def numbers() -> list[int]:
    """1, 2, 4 ... and all of them."""
    most = len(usable())
    return sorted({1 << power for power in range(most.bit_length()) if 1 << power <= most} | {most})


def cores(given: Sequence[int], seconds: float) -> Iterator[Measure]:
    """Images a second and processor time an image with so many cores, as many workers.

    The callers run wherever there is room: on the server's cores, where it has all.
    """
    source, _ = picture(MEGAPIXELS)
    for number in given:
        with (
            serving(usable()[:number], **alone(number)) as server,
            Client(server.address) as client,
        ):
            ask(client, source, number, 0.5)
            start = server.cpu()
            waits, took = ask(client, source, 2 * number, seconds)
            used = (server.cpu() - start) / len(waits)
        yield _measure("throughput", number, len(waits) / took, "images/s", "higher")
        yield _measure("processor time an image", number, 1e3 * used, "ms")


def _measure(what: str, number: int, value: float, unit: str, better: Better = "lower") -> Measure:
    value = short(value)
    return Measure(
        what, "service", FORMAT, f"{number} cores", value, value, value, unit, better, number
    )
