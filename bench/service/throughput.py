"""All cores busy: the service against the bare codec in as many threads.

The client runs on the same cores. What it uses is taken out: its processor
time, spread over the cores, counts as time in which the server could not run.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

from autoquality import Client
from bench.pictures import picture
from bench.record import Measure
from bench.service.overhead import MEGAPIXELS, QUALITY, bare, measure
from bench.serving import alone, serving

WANTED = 0.85
CALLERS_A_WORKER = 2


def repeated(work: Callable[[], object], threads: int, seconds: float) -> tuple[int, float]:
    """Do `work` over and over in threads; how often, and in how many seconds."""
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def loop(at: int) -> None:
        while time.perf_counter() < end:
            work()
            counts[at] += 1

    start = time.perf_counter()
    running = [threading.Thread(target=loop, args=(at,)) for at in range(threads)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    return sum(counts), time.perf_counter() - start


def throughput(rounds: int, seconds: float) -> Iterator[Measure]:
    """Images a second of both, and the service's part of the codec's."""
    cores = len(os.sched_getaffinity(0))
    source, _ = picture(MEGAPIXELS)
    codec: list[float] = []
    service: list[float] = []
    by_cpu: list[float] = []
    with serving(**alone(cores)) as server, Client(server.address) as client:

        def ask() -> object:
            return client.encode(source, format="jpeg", quality=QUALITY, timeout=60)

        repeated(ask, cores * CALLERS_A_WORKER, min(seconds, 1.0))
        for _ in range(rounds):
            mine = time.process_time()
            count, took = repeated(lambda: bare(source), cores, seconds)
            codec.append(count / took)
            each = (time.process_time() - mine) / count
            mine, its = time.process_time(), server.cpu()
            count, took = repeated(ask, cores * CALLERS_A_WORKER, seconds)
            service.append(count / (took - (time.process_time() - mine) / cores))
            by_cpu.append(each * count / (server.cpu() - its))
    yield measure("throughput", "bare codec in threads", codec, "images/s", "higher")
    yield measure("throughput", "service", service, "images/s", "higher")
    parts = [one / other for one, other in zip(service, codec, strict=True)]
    yield measure("part of the codec's throughput", "service", parts, "share", "higher", WANTED)
    # As if nothing else ran and nobody ever waited: what a busy machine does not blur.
    yield measure("the same by processor time alone", "service", by_cpu, "share", "higher")
