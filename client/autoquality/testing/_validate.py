"""Validation of requests: the simplest of the real server's rules."""

from __future__ import annotations

import re

from autoquality.testing._fault import Fault
from autoquality.v1 import encoding_pb2 as pb

_BACKGROUND = re.compile(r"#[0-9a-fA-F]{6}|")


def check_encode(request: pb.EncodeRequest) -> Fault | None:
    """Return the fault of an invalid request, or None."""
    if not (request.image or request.raw.pixels):
        return Fault.invalid("image", "an image file or raw pixels must be given")
    raw = request.raw
    if request.HasField("raw") and len(raw.pixels) != raw.width * raw.height * raw.bands:
        return Fault.invalid("raw.pixels", "must be width x height x bands bytes")
    if not _BACKGROUND.fullmatch(request.background):
        return Fault.invalid("background", "must be #rrggbb")
    if request.HasField("min_width") and request.min_width < 1:
        return Fault.invalid("min_width", "must be pixels, 1 or more")
    return (
        _check_quality(request) or _check_candidates(request) or _check_spec(request.auto_quality)
    )


def _check_quality(request: pb.EncodeRequest) -> Fault | None:
    if request.HasField("quality"):
        if not 1 <= request.quality <= 100:
            return Fault.invalid("quality", "must be from 1 to 100")
        if request.auto_quality.method not in (pb.METHOD_UNSPECIFIED, pb.METHOD_NONE):
            return Fault.invalid("quality", "is for METHOD_NONE only")
    return None


def _check_candidates(request: pb.EncodeRequest) -> Fault | None:
    if request.candidates and request.format:
        return Fault.invalid("candidates", "must be empty if format is set")
    spec = request.auto_quality
    comparable = spec.method == pb.METHOD_SIZE or metric_of(spec) == pb.METRIC_SSIMULACRA2
    if len(set(request.candidates)) > 1 and not comparable:
        return Fault.invalid("candidates", "this method cannot compare formats")
    return None


def check_compare(request: pb.CompareRequest) -> Fault | None:
    """Return the fault of an invalid request, or None."""
    for field in ("reference", "distorted"):
        if not getattr(request, field):
            return Fault.invalid(field, "an image file must be given")
    return None


def _check_spec(spec: pb.AutoQuality) -> Fault | None:
    for field in ("min_quality", "max_quality"):
        if spec.HasField(field) and not 1 <= getattr(spec, field) <= 100:
            return Fault.invalid(f"auto_quality.{field}", "must be from 1 to 100")
    both = spec.HasField("min_quality") and spec.HasField("max_quality")
    if both and spec.min_quality > spec.max_quality:
        return Fault.invalid("auto_quality.min_quality", "must not be above max_quality")
    return _check_limits(spec) or _check_scores(spec)


def _check_limits(spec: pb.AutoQuality) -> Fault | None:
    if spec.HasField("max_bytes") and spec.max_bytes < 1:
        return Fault.invalid("auto_quality.max_bytes", "must be 1 or more")
    for field, most in (("max_dssim", 1), ("min_ssimulacra2", 100)):
        if not 0 <= getattr(spec, field) <= most:
            return Fault.invalid(f"auto_quality.{field}", f"must be from 0 to {most}")
    return None


def metric_of(spec: pb.AutoQuality) -> pb.Metric.ValueType:
    """Return the metric that the method searches by, METRIC_UNSPECIFIED for none."""
    return {
        pb.METHOD_DSSIM: pb.METRIC_DSSIM,
        pb.METHOD_SSIMULACRA2: pb.METRIC_SSIMULACRA2,
        pb.METHOD_ML: spec.metric or pb.METRIC_DSSIM,
    }.get(spec.method, pb.METRIC_UNSPECIFIED)


def _check_scores(spec: pb.AutoQuality) -> Fault | None:
    own = metric_of(spec)
    if spec.metric not in (pb.METRIC_UNSPECIFIED, own):
        return Fault.invalid("auto_quality.metric", "must be that of the method, or not set")
    highest = 100 if own == pb.METRIC_SSIMULACRA2 else 1
    if spec.HasField("allowed_error") and not 0 <= spec.allowed_error <= highest:
        return Fault.invalid("auto_quality.allowed_error", f"must be from 0 to {highest}")
    if spec.method == pb.METHOD_SIZE and not spec.target >= 1:
        return Fault.invalid("auto_quality.target", "must be 1 byte or more for METHOD_SIZE")
    if own and spec.HasField("target") and not 0 <= spec.target <= highest:
        return Fault.invalid("auto_quality.target", f"must be a score from 0 to {highest}")
    return None
