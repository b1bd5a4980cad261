"""The settings of a request that leaves them open."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality._status import FieldViolation
from autoquality.v1 import encoding_pb2 as pb

DEFAULTS = pb.AutoQuality(
    method=pb.METHOD_NONE, target=0.02, min_quality=70, max_quality=80, allowed_error=0.001
)
_SSIMULACRA2 = pb.AutoQuality(target=70, min_quality=10, max_quality=95, allowed_error=1)
"""The defaults of a search by this metric, in every format."""
# The real server's defaults, which are imgproxy's: without a search, lowest, highest.
# A test compares them with the real server's.
QUALITIES = {
    pb.FORMAT_JPEG: (80, 70, 80),
    pb.FORMAT_WEBP: (79, 70, 80),
    pb.FORMAT_AVIF: (63, 60, 65),
    pb.FORMAT_JXL: (77, 70, 80),
}

LIMITS = pb.Limits(
    max_image_bytes=64 * 2**20,
    max_resolution_pixels=50_000_000,
    workers=2,
    queue_size=8,
    max_stream_bytes=256 * 2**20,
    max_chunk_bytes=4 * 2**20,
    processes=1,
)
"""Those of a source are the real server's. A test compares them."""


def metric_of(spec: pb.AutoQuality) -> pb.Metric.ValueType:
    """Return the metric that the method searches by, METRIC_UNSPECIFIED for none."""
    return {
        pb.METHOD_DSSIM: pb.METRIC_DSSIM,
        pb.METHOD_SSIMULACRA2: pb.METRIC_SSIMULACRA2,
        pb.METHOD_ML: spec.metric or pb.METRIC_DSSIM,
    }.get(spec.method, pb.METRIC_UNSPECIFIED)


def applied_to(spec: pb.AutoQuality, format: pb.Format.ValueType) -> pb.AutoQuality:
    """Return the settings for a format. A default bound gives way to one of the spec."""
    applied = _resolve(spec, format)
    if applied.min_quality > applied.max_quality:
        if spec.HasField("min_quality"):
            applied.max_quality = applied.min_quality
        else:
            applied.min_quality = applied.max_quality
    return applied


def contradiction(
    spec: pb.AutoQuality, format: pb.Format.ValueType, *, yields: bool
) -> Iterator[FieldViolation]:
    """Yield the bound of the spec that contradicts another one in a format.

    With `yields`, a default bound gives way to one of the spec.
    """
    settled = _resolve(spec, format)
    low, high = settled.min_quality, settled.max_quality
    has_low, has_high = spec.HasField("min_quality"), spec.HasField("max_quality")
    if low > high and (not yields or (has_low and has_high)):
        name, text = "max_quality", f"{high} is below min_quality {low}"
        if has_low:
            name, text = "min_quality", f"{low} is above max_quality {high}"
        yield FieldViolation(f"auto_quality.{name}", text, "INVALID_FIELD")


def _resolve(spec: pb.AutoQuality, format: pb.Format.ValueType) -> pb.AutoQuality:
    """Return the spec with a default for every missing field."""
    resolved = pb.AutoQuality()
    resolved.CopyFrom(DEFAULTS)
    _, resolved.min_quality, resolved.max_quality = QUALITIES.get(format, (0, 70, 80))
    if metric_of(spec) == pb.METRIC_SSIMULACRA2:
        resolved.MergeFrom(_SSIMULACRA2)
    if spec.method == pb.METHOD_SIZE:
        resolved.allowed_error = 0
    resolved.MergeFrom(spec)
    resolved.metric = metric_of(spec)
    return resolved
