"""Checks the metric and the formats, each written and read as for a request."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pyvips

from autoquality_core.errors import ServiceError
from autoquality_core.formats import writable
from autoquality_core.images import ImageLimits, open_image, source_formats
from autoquality_core.metrics import DSSIM, METRICS
from autoquality_core.metrics.dssim.kernel import mean_dissimilarity
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline, warm_up
from autoquality_core.runtime.compilation import kept_in
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, RawSource, TargetSpec
from autoquality_server.cli.doctor.report import Finding, Verdict
from autoquality_server.config import Settings

WIDTH, HEIGHT = 64, 48
_LIMITS = ImageLimits(max_bytes=2**20, max_pixels=WIDTH * HEIGHT)
_LARGEST_DSSIM = 0.1
"""Far more than at any quality in use: above it, the codec is broken."""
_READ_ONLY = {"gif": ".gif", "tiff": ".tif"}


def picture() -> RawSource:
    """Return a small picture with edges, gradients and colour; the same every time."""
    down, right = np.mgrid[0:HEIGHT, 0:WIDTH]
    red = (right * 255 / (WIDTH - 1)).astype(np.uint8)
    green = (down * 255 / (HEIGHT - 1)).astype(np.uint8)
    blue = (np.hypot(right - WIDTH / 2, down - HEIGHT / 2) < HEIGHT / 3).astype(np.uint8) * 200
    return RawSource(WIDTH, HEIGHT, 3, np.dstack([red, green, blue]).tobytes())


def check_metric() -> Finding:
    """Compile or load the metric, as the server does before it is ready."""
    start = time.perf_counter()
    warm_up()
    seconds = time.perf_counter() - start
    folder = kept_in(mean_dissimilarity)
    if folder is None:
        text = f"compiled in {seconds:.1f} s, at every start: set NUMBA_CACHE_DIR"
        return Finding("metric", Verdict.WARNING, f"{text} to a writable folder")
    return Finding("metric", Verdict.OK, f"ready in {seconds:.1f} s, cached in {folder}")


def check_formats(settings: Settings) -> Iterator[Finding]:
    """Check every format that can be written, then the formats that can only be read."""
    pipeline = Pipeline(settings.defaults(), _LIMITS)
    for fmt in Format:
        yield _written(pipeline, settings, fmt)
    yield _read()


def _written(pipeline: Pipeline, settings: Settings, fmt: Format) -> Finding:
    if fmt not in writable():
        return Finding(fmt.value, Verdict.FAILED, "cannot be written here")
    job = EncodeJob(
        source=picture(),
        format=fmt,
        spec=TargetSpec(Method.NONE),
        quality=None,
        options=settings.encoder_options(),
        measure=tuple(METRICS.values()),
    )
    try:
        result = pipeline.encode(job, Deadline())
        decoded = open_image(result.image, _LIMITS).decode(all_frames=False)
    except (ServiceError, pyvips.Error, RuntimeError) as error:
        why = " ".join(str(error).split())
        return Finding(fmt.value, Verdict.FAILED, f"cannot be written and read: {why}")
    return _compared(result, (decoded.width, decoded.height))


def _compared(result: EncodeResult, size: tuple[int, int]) -> Finding:
    at = f" at quality {result.quality}" if result.quality else ""
    text = f"{WIDTH}x{HEIGHT}{at}: {len(result.image)} bytes"
    dssim = result.scores.get(DSSIM.name, 0.0)
    text += "".join(f", {name.upper()} {score:.4f}" for name, score in result.scores.items())
    part = result.format.value
    if size != (WIDTH, HEIGHT) or dssim >= _LARGEST_DSSIM:
        return Finding(part, Verdict.FAILED, f"{text}: differs from the source")
    return Finding(part, Verdict.OK, text)


def _read() -> Finding:
    for name in sorted(_READ_ONLY.keys() & set(source_formats())):
        source = picture()
        image = pyvips.Image.new_from_memory(
            source.pixels, source.width, source.height, source.bands, "uchar"
        )
        try:
            data = image.write_to_buffer(_READ_ONLY[name])
            open_image(data, _LIMITS).decode(all_frames=False)
        except (ServiceError, pyvips.Error) as error:
            why = " ".join(str(error).split())
            return Finding("sources", Verdict.FAILED, f"{name} cannot be read: {why}")
    return Finding("sources", Verdict.OK, ", ".join(source_formats()))
