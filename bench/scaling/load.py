"""Throughput and waiting times of a server, by callers and by cores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np

from autoquality import Client
from bench.clock import repeat
from bench.images import photograph
from bench.record import Better, Measure, short
from bench.serving import alone, serving

MEGAPIXELS = 0.25
TARGET = "ssimulacra2:70:10:95:1"
FORMAT = "jpeg"
QUEUE = {"queue_size": "128"}
"""All callers may wait, so that none is refused and waiting times are measured."""


def callers(numbers: Sequence[int], seconds: float) -> Iterator[Measure]:
    """For each number of callers: images a second, median and 95th percentile of the wait."""
    source, _ = photograph(MEGAPIXELS)
    cores = len(os.sched_getaffinity(0))
    with serving(**alone(cores), **QUEUE) as server, Client(server.address) as client:
        call(client, source, 2, 0.5)
        for number in numbers:
            start = server.cpu()
            waits, took = call(client, source, number, seconds)
            used = (server.cpu() - start) / len(waits)
            goal = f"{number} callers"
            median, slow = np.percentile(waits, [50, 95])
            yield _measure("throughput", goal, number, len(waits) / took, "images/s", "higher")
            yield _measure("median wait", goal, number, 1e3 * float(median), "ms")
            yield _measure("95th percentile of the wait", goal, number, 1e3 * float(slow), "ms")
            yield _measure("processor time an image", goal, number, 1e3 * used, "ms")


def cores(numbers: Sequence[int], seconds: float) -> Iterator[Measure]:
    """Images a second and processor time an image, with so many cores and workers.

    The callers may also run on the server's cores.
    """
    source, _ = photograph(MEGAPIXELS)
    for number in numbers:
        chosen = usable()[:number]
        with serving(chosen, **alone(number)) as server, Client(server.address) as client:
            call(client, source, number, 0.5)
            start = server.cpu()
            waits, took = call(client, source, 2 * number, seconds)
            used = (server.cpu() - start) / len(waits)
        goal = f"{number} cores"
        yield _measure("throughput", goal, number, len(waits) / took, "images/s", "higher")
        yield _measure("processor time an image", goal, number, 1e3 * used, "ms")


def usable() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0))


def numbers_of_cores() -> list[int]:
    """1, 2, 4 ... and all cores."""
    most = len(usable())
    return sorted({1 << power for power in range(most.bit_length()) if 1 << power <= most} | {most})


def call(client: Client, source: bytes, number: int, seconds: float) -> tuple[list[float], float]:
    """Call from so many threads; returns every waiting time and the total time in seconds."""

    def request(_thread: int) -> None:
        client.encode(source, format=FORMAT, auto_quality=TARGET, timeout=120)

    return repeat(request, number, seconds)


def _measure(
    what: str, goal: str, number: int, value: float, unit: str, better: Better = "lower"
) -> Measure:
    value = short(value)
    return Measure(what, "service", FORMAT, goal, value, value, value, unit, better, number)
