"""Throughput and waiting against the number of callers, at a real server."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np

from autoquality import Client
from bench.pictures import picture
from bench.record import Better, Measure
from bench.record.measure import short
from bench.serving import alone, serving

MEGAPIXELS = 0.25
WISH = "dssim:0.02:10:95:0.001"
FORMAT = "jpeg"
LINE = {"queue_size": "128"}
"""Room for all callers to wait: nobody is refused, and how long they wait is seen."""


def callers(numbers: Sequence[int], seconds: float) -> Iterator[Measure]:
    """For each number of callers: images a second, median and 95th percentile of the wait."""
    source, _ = picture(MEGAPIXELS)
    cores = len(os.sched_getaffinity(0))
    with serving(**alone(cores), **LINE) as server, Client(server.address) as client:
        ask(client, source, 2, 0.5)
        for number in numbers:
            start = server.cpu()
            waits, took = ask(client, source, number, seconds)
            used = (server.cpu() - start) / len(waits)
            median, slow = np.percentile(waits, [50, 95])
            yield _measure("throughput", number, len(waits) / took, "images/s", "higher")
            yield _measure("median wait", number, 1e3 * float(median), "ms")
            yield _measure("95th percentile of the wait", number, 1e3 * float(slow), "ms")
            yield _measure("processor time an image", number, 1e3 * used, "ms")


def ask(client: Client, source: bytes, number: int, seconds: float) -> tuple[list[float], float]:
    """Ask from so many threads; every wait in seconds, and how long it all took."""
    waits: list[list[float]] = [[] for _ in range(number)]
    end = time.perf_counter() + seconds

    def loop(mine: list[float]) -> None:
        while not mine or time.perf_counter() < end:
            start = time.perf_counter()
            client.encode(source, format=FORMAT, auto_quality=WISH, timeout=120)
            mine.append(time.perf_counter() - start)

    start = time.perf_counter()
    threads = [threading.Thread(target=loop, args=(mine,)) for mine in waits]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return [one for mine in waits for one in mine], time.perf_counter() - start


def _measure(what: str, number: int, value: float, unit: str, better: Better = "lower") -> Measure:
    value = short(value)
    return Measure(
        what, "service", FORMAT, f"{number} callers", value, value, value, unit, better, number
    )
