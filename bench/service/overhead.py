"""What gRPC, Python, validation and metrics add to encoding at a fixed quality.

The three ways take turns in every round; the server's time is that of its
process, so the client's is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pyvips

from autoquality import Client
from autoquality_core.formats import JpegEncoder
from autoquality_core.images import ImageLimits
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Method, TargetSpec
from bench.clock import here
from bench.compare.ours import job_of
from bench.pictures import picture
from bench.record import Better, Measure, spread_of
from bench.serving import alone, serving

MEGAPIXELS = 0.4
QUALITY = 80
SETTING = "JPEG, 0.4 megapixels"
WANTED = 1.05
JFIF = 18
"""Bytes of a header that OpenCV writes and the core does not."""


def bare(source: bytes) -> bytes:
    """Decode by libvips and encode by OpenCV, as the core does, and nothing else."""
    image = pyvips.Image.jpegload_buffer(source, access="sequential")
    samples = np.frombuffer(image.write_to_memory(), np.uint8)
    colours = cv2.cvtColor(samples.reshape(image.height, image.width, 3), cv2.COLOR_RGB2BGR)
    settings = (cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
    file: bytes = cv2.imencode(".jpg", colours, settings)[1].tobytes()
    return file


def core() -> Callable[[bytes], bytes]:
    """The same by the core, without gRPC."""
    pipeline = Pipeline(Defaults(), ImageLimits(2**26, 50_000_000))

    def encode(source: bytes) -> bytes:
        job = job_of(JpegEncoder(), source, TargetSpec(Method.NONE), QUALITY)
        return pipeline.encode(job, Deadline()).image

    return encode


def overhead(rounds: int, calls: int) -> Iterator[Measure]:
    """Milliseconds of each way, and what each has over the bare codec."""
    source, _ = picture(MEGAPIXELS)
    encode = core()
    ways: dict[str, list[float]] = {"bare codec": [], "core": [], "service": []}
    with serving(**alone(1)) as server, Client(server.address) as client:

        def ask() -> bytes:
            return client.encode(source, format="jpeg", quality=QUALITY, timeout=60).image

        # The first calls find memory and connections; they also show that all do the same.
        for _ in range(calls):
            assert len(bare(source)) - JFIF == len(encode(source)) == len(ask())
        for _ in range(rounds):
            ways["bare codec"].append(here(lambda: [bare(source) for _ in range(calls)])[1].cpu)
            ways["core"].append(here(lambda: [encode(source) for _ in range(calls)])[1].cpu)
            start = server.cpu()
            for _ in range(calls):
                ask()
            ways["service"].append(server.cpu() - start)
    for by, seconds in ways.items():
        yield measure("processor time", by, [1e3 * one / calls for one in seconds], "ms")
    for by, base in (("core", "bare codec"), ("service", "bare codec"), ("service", "core")):
        ratios = [one / other for one, other in zip(ways[by], ways[base], strict=True)]
        wanted = WANTED if by == "service" else None
        yield measure(f"time over the {base}", by, ratios, "x", wanted=wanted)


def measure(
    what: str,
    by: str,
    values: list[float],
    unit: str,
    better: Better = "lower",
    wanted: float | None = None,
) -> Measure:
    """A measure of method none on this picture."""
    spread = spread_of(values)
    return Measure(what, by, SETTING, "none", *spread, unit, better, len(values), wanted)
