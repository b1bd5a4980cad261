"""Each format written and read, as a request would have it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyvips

from autoquality_core.encode.job import EncodeJob, EncodeResult
from autoquality_core.encode.pipeline import Pipeline
from autoquality_core.errors import ServiceError
from autoquality_core.formats import writable
from autoquality_core.images import ImageLimits, open_image, source_formats
from autoquality_core.metrics import DSSIM
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, RawSource, TargetSpec
from autoquality_server.cli.doctor.finding import Finding, Verdict
from autoquality_server.config import Settings

WIDTH, HEIGHT = 64, 48
_LIMITS = ImageLimits(max_bytes=2**20, max_pixels=WIDTH * HEIGHT)
_GOOD = 0.1
"""A DSSIM that no quality at which people encode comes near."""
_ONLY_READ = {"gif": ".gif", "tiff": ".tif"}


def picture() -> RawSource:
    """A small picture with edges, gradients and colour; the same every time."""
    down, right = np.mgrid[0:HEIGHT, 0:WIDTH]
    red = (right * 255 / (WIDTH - 1)).astype(np.uint8)
    green = (down * 255 / (HEIGHT - 1)).astype(np.uint8)
    blue = (np.hypot(right - WIDTH / 2, down - HEIGHT / 2) < HEIGHT / 3).astype(np.uint8) * 200
    return RawSource(WIDTH, HEIGHT, 3, np.dstack([red, green, blue]).tobytes())


def look(settings: Settings) -> Iterator[Finding]:
    """Every format that can be asked for, then the formats that can only be read."""
    pipeline = Pipeline(settings.defaults(), _LIMITS)
    for fmt in Format:
        yield _written(pipeline, settings, fmt)
    yield _read()


def _written(pipeline: Pipeline, settings: Settings, fmt: Format) -> Finding:
    if fmt not in writable():
        return Finding(fmt.value, Verdict.FAILED, "cannot be written by this libvips")
    job = EncodeJob(
        source=picture(),
        format=fmt,
        spec=TargetSpec(Method.NONE),
        quality=None,
        options=settings.encoder_options(),
        measure=(DSSIM,),
    )
    try:
        result = pipeline.encode(job, Deadline())
        again = open_image(result.image, _LIMITS).decode(all_frames=False)
    except (ServiceError, pyvips.Error) as error:
        why = " ".join(str(error).split())
        return Finding(fmt.value, Verdict.FAILED, f"cannot be written and read: {why}")
    return _judged(result, (again.width, again.height))


def _judged(result: EncodeResult, size: tuple[int, int]) -> Finding:
    at = f" at quality {result.quality}" if result.quality else ""
    text = f"{WIDTH}x{HEIGHT}{at}: {len(result.image)} bytes"
    dssim = result.scores.get(DSSIM.name, 0.0)
    if result.scores:
        text += f", DSSIM {dssim:.4f}"
    sound = size == (WIDTH, HEIGHT) and dssim < _GOOD
    part = result.format.value
    if not sound:
        return Finding(part, Verdict.FAILED, f"{text}: not what was written")
    return Finding(part, Verdict.OK, text)


def _read() -> Finding:
    for name in sorted(_ONLY_READ.keys() & set(source_formats())):
        source = picture()
        image = pyvips.Image.new_from_memory(
            source.pixels, source.width, source.height, source.bands, "uchar"
        )
        try:
            data = image.write_to_buffer(_ONLY_READ[name])
            open_image(data, _LIMITS).decode(all_frames=False)
        except (ServiceError, pyvips.Error) as error:
            why = " ".join(str(error).split())
            return Finding("sources", Verdict.FAILED, f"{name} cannot be read: {why}")
    return Finding("sources", Verdict.OK, ", ".join(source_formats()))
