"""Time and throughput of the service against a bare codec, and the metric alone.

The bare codec decodes with libvips and encodes with OpenCV, as the core does. The ways take turns
in every round. The server's time is that of its process, without the client's.

For throughput, the client runs on the same cores. Its processor time, divided by the number of
cores, counts as time when the server could not run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np
import pyvips

from autoquality import Client
from autoquality_core.formats import JpegEncoder
from autoquality_core.metrics.dssim.reference import Reference
from autoquality_core.metrics.dssim.reference import warm_up as warm_up_metric
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Method, TargetSpec
from bench.clock import here, repeat
from bench.compare.ours import job_of
from bench.compare.subject import LIMITS
from bench.images import photograph
from bench.record import Better, Measure, spread_of
from bench.serving import alone, serving

MEGAPIXELS = 0.4
QUALITY = 80
SETTING = "JPEG, 0.4 megapixels"
WANTED_OVERHEAD = 1.05
WANTED_SHARE = 0.85
WANTED_METRIC = 1.5
"""Milliseconds a megapixel."""

METRIC_SIZES = (0.25, 1.0, 8.0)
CALLERS_A_WORKER = 2
JFIF = 18
"""Bytes of a header that OpenCV writes and the core does not."""


def bare(source: bytes) -> bytes:
    """Decode and encode like the core, and nothing else."""
    image = pyvips.Image.jpegload_buffer(source, access="sequential")
    samples = np.frombuffer(image.write_to_memory(), np.uint8)
    colours = cv2.cvtColor(samples.reshape(image.height, image.width, 3), cv2.COLOR_RGB2BGR)
    settings = (cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
    file: bytes = cv2.imencode(".jpg", colours, settings)[1].tobytes()
    return file


_PIPELINE = Pipeline(Defaults(), LIMITS)


def core(source: bytes) -> bytes:
    """The same by the core, without gRPC."""
    job = job_of(JpegEncoder(), source, TargetSpec(Method.NONE), QUALITY)
    return _PIPELINE.encode(job, Deadline()).image


def overhead(rounds: int, calls: int) -> Iterator[Measure]:
    """Milliseconds of each way, and their ratios."""
    source, _ = photograph(MEGAPIXELS)
    ways: dict[str, list[float]] = {"bare codec": [], "core": [], "service": []}
    with serving(**alone(1)) as server, Client(server.address) as client:

        def service(source: bytes) -> bytes:
            return client.encode(source, format="jpeg", quality=QUALITY, timeout=60).image

        # The first calls allocate and connect. They also show that all ways do the same.
        for _ in range(calls):
            sizes = len(bare(source)) - JFIF, len(core(source)), len(service(source))
            assert len(set(sizes)) == 1, sizes
        for _ in range(rounds):
            for name, way in (("bare codec", bare), ("core", core)):
                spent = here(partial(_repeat, way, source, calls))[1]
                ways[name].append(spent.cpu)
            start = server.cpu()
            _repeat(service, source, calls)
            ways["service"].append(server.cpu() - start)
    for by, seconds in ways.items():
        yield _measure("processor time", by, [1e3 * one / calls for one in seconds], "ms")
    for by, base in (("core", "bare codec"), ("service", "bare codec"), ("service", "core")):
        ratios = [one / other for one, other in zip(ways[by], ways[base], strict=True)]
        wanted = WANTED_OVERHEAD if by == "service" else None
        yield _measure(f"time over the {base}", by, ratios, "x", wanted=wanted)


def throughput(rounds: int, seconds: float) -> Iterator[Measure]:
    """Images a second of the bare codec and of the service with all cores busy, and their ratio."""
    cores = len(os.sched_getaffinity(0))
    source, _ = photograph(MEGAPIXELS)
    codec: list[float] = []
    service: list[float] = []
    by_cpu: list[float] = []
    with serving(**alone(cores)) as server, Client(server.address) as client:

        def request(_thread: int) -> None:
            client.encode(source, format="jpeg", quality=QUALITY, timeout=60)

        def bare_codec(_thread: int) -> None:
            bare(source)

        repeat(request, cores * CALLERS_A_WORKER, min(seconds, 1.0))
        for _ in range(rounds):
            own = time.process_time()
            runs, took = repeat(bare_codec, cores, seconds)
            codec.append(len(runs) / took)
            each = (time.process_time() - own) / len(runs)
            own, server_time = time.process_time(), server.cpu()
            runs, took = repeat(request, cores * CALLERS_A_WORKER, seconds)
            service.append(len(runs) / (took - (time.process_time() - own) / cores))
            by_cpu.append(each * len(runs) / (server.cpu() - server_time))
    yield _measure("throughput", "bare codec in threads", codec, "images/s", "higher")
    yield _measure("throughput", "service", service, "images/s", "higher")
    parts = [one / other for one, other in zip(service, codec, strict=True)]
    what = "part of the codec's throughput"
    yield _measure(what, "service", parts, "share", "higher", WANTED_SHARE)
    # Without waiting times, so that other load of the machine has little effect.
    yield _measure("the same by processor time alone", "service", by_cpu, "share", "higher")


def metric(rounds: int) -> Iterator[Measure]:
    """The DSSIM of one probe with the service's sampling, in milliseconds a megapixel.

    On noise, because the time does not depend on the content.
    """
    warm_up_metric()
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


def _repeat(way: Callable[[bytes], bytes], source: bytes, calls: int) -> None:
    for _ in range(calls):
        way(source)


def _measure(
    what: str,
    by: str,
    values: list[float],
    unit: str,
    better: Better = "lower",
    wanted: float | None = None,
) -> Measure:
    """A measure of method none."""
    spread = spread_of(values)
    return Measure(what, by, SETTING, "none", *spread, unit, better, len(values), wanted)
