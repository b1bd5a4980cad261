"""The settings of a request that leaves them open."""

from __future__ import annotations

from autoquality.testing._curve import Curve
from autoquality.testing._fault import Fault
from autoquality.testing._validate import metric_of
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


def applied_to(request: pb.EncodeRequest, curve: Curve) -> pb.AutoQuality | Fault:
    """Return the settings for the source of `curve`, or the fault of contradicting bounds."""
    spec = request.auto_quality
    applied = _resolve(spec, request.format or curve.format)
    if curve.lossless:
        _let_default_bound_yield(spec, applied)
    if applied.min_quality > applied.max_quality:
        return _bounds_fault(spec, applied.min_quality, applied.max_quality)
    if request.format not in (pb.FORMAT_UNSPECIFIED, curve.format):
        applied = _resolve(spec, curve.format)
        _let_default_bound_yield(spec, applied)
    return applied


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


def _let_default_bound_yield(spec: pb.AutoQuality, resolved: pb.AutoQuality) -> None:
    """Replace a default bound that contradicts one of the spec."""
    if resolved.min_quality > resolved.max_quality:
        if not spec.HasField("min_quality"):
            resolved.min_quality = resolved.max_quality
        elif not spec.HasField("max_quality"):
            resolved.max_quality = resolved.min_quality


def _bounds_fault(spec: pb.AutoQuality, low: int, high: int) -> Fault:
    """Return the fault of bounds of which one is a default."""
    if spec.HasField("min_quality"):
        return Fault.invalid("auto_quality.min_quality", f"{low} is above max_quality {high}")
    return Fault.invalid("auto_quality.max_quality", f"{high} is below min_quality {low}")
