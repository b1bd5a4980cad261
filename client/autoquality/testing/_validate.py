"""Validation of requests: the simplest of the real server's rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autoquality._status import FieldViolation
from autoquality.testing._fault import Fault
from autoquality.v1 import encoding_pb2 as pb

_BACKGROUND = re.compile(r"#[0-9a-fA-F]{6}|")


def check_encode(request: pb.EncodeRequest) -> Fault | None:
    """Return the fault with all invalid fields of a request, or None."""
    found = (
        *_check_source(request),
        *_check_quality(request),
        *_check_candidates(request),
        *_check_spec(request.auto_quality),
    )
    return Fault.invalid_fields(*found) if found else None


def _invalid(field: str, description: str) -> FieldViolation:
    return FieldViolation(field, description, "INVALID_FIELD")


def _check_source(request: pb.EncodeRequest) -> Iterator[FieldViolation]:
    raw = request.raw
    if not (request.image or raw.pixels):
        yield _invalid("image", "an image file or raw pixels must be given")
    elif request.HasField("raw") and len(raw.pixels) != raw.width * raw.height * raw.bands:
        yield _invalid("raw.pixels", "must be width x height x bands bytes")
    if not _BACKGROUND.fullmatch(request.background):
        yield _invalid("background", "must be #rrggbb")
    if request.HasField("min_width") and request.min_width < 1:
        yield _invalid("min_width", "must be pixels, 1 or more")


def _check_quality(request: pb.EncodeRequest) -> Iterator[FieldViolation]:
    if request.HasField("quality"):
        if not 1 <= request.quality <= 100:
            yield _invalid("quality", "must be from 1 to 100")
        elif request.auto_quality.method not in (pb.METHOD_UNSPECIFIED, pb.METHOD_NONE):
            yield _invalid("quality", "is for METHOD_NONE only")


def _check_candidates(request: pb.EncodeRequest) -> Iterator[FieldViolation]:
    spec = request.auto_quality
    comparable = spec.method == pb.METHOD_SIZE or metric_of(spec) == pb.METRIC_SSIMULACRA2
    if request.candidates and request.format:
        yield _invalid("candidates", "must be empty if format is set")
    elif len(set(request.candidates)) > 1 and not comparable:
        yield _invalid("candidates", "this method cannot compare formats")


def check_compare(request: pb.CompareRequest) -> Fault | None:
    """Return the fault of an invalid request, or None."""
    for field in ("reference", "distorted"):
        if not getattr(request, field):
            return Fault.invalid(field, "an image file must be given")
    return None


def _check_spec(spec: pb.AutoQuality) -> Iterator[FieldViolation]:
    for field in ("min_quality", "max_quality"):
        if spec.HasField(field) and not 1 <= getattr(spec, field) <= 100:
            yield _invalid(f"auto_quality.{field}", "must be from 1 to 100")
    both = spec.HasField("min_quality") and spec.HasField("max_quality")
    if both and 1 <= spec.max_quality < spec.min_quality <= 100:
        yield _invalid("auto_quality.min_quality", "must not be above max_quality")
    yield from _check_limits(spec)
    yield from _check_scores(spec)


def _check_limits(spec: pb.AutoQuality) -> Iterator[FieldViolation]:
    if spec.HasField("max_bytes") and spec.max_bytes < 1:
        yield _invalid("auto_quality.max_bytes", "must be 1 or more")
    for field, most in (("max_dssim", 1), ("min_ssimulacra2", 100)):
        if not 0 <= getattr(spec, field) <= most:
            yield _invalid(f"auto_quality.{field}", f"must be from 0 to {most}")


def metric_of(spec: pb.AutoQuality) -> pb.Metric.ValueType:
    """Return the metric that the method searches by, METRIC_UNSPECIFIED for none."""
    return {
        pb.METHOD_DSSIM: pb.METRIC_DSSIM,
        pb.METHOD_SSIMULACRA2: pb.METRIC_SSIMULACRA2,
        pb.METHOD_ML: spec.metric or pb.METRIC_DSSIM,
    }.get(spec.method, pb.METRIC_UNSPECIFIED)


def _check_scores(spec: pb.AutoQuality) -> Iterator[FieldViolation]:
    own = metric_of(spec)
    if spec.metric not in (pb.METRIC_UNSPECIFIED, own):
        yield _invalid("auto_quality.metric", "must be that of the method, or not set")
        return
    highest = 100 if own == pb.METRIC_SSIMULACRA2 else 1
    if spec.HasField("allowed_error") and not 0 <= spec.allowed_error <= highest:
        yield _invalid("auto_quality.allowed_error", f"must be from 0 to {highest}")
    if spec.method == pb.METHOD_SIZE and not spec.target >= 1:
        yield _invalid("auto_quality.target", "must be 1 byte or more for METHOD_SIZE")
    if own and spec.HasField("target") and not 0 <= spec.target <= highest:
        yield _invalid("auto_quality.target", f"must be a score from 0 to {highest}")
