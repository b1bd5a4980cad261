"""The notices of the fake server about the source, the format, the limits and the range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autoquality.testing._curve import Curve
from autoquality.testing._search import exceeded
from autoquality.v1 import encoding_pb2 as pb


def notices(
    request: pb.EncodeRequest, curve: Curve, method: pb.Method.ValueType
) -> Iterator[pb.Notice]:
    """Yield those that follow from the request and the header of its source."""
    if curve.source.frames > curve.frames:
        yield pb.Notice(
            code=pb.Notice.CODE_FIRST_FRAME_ONLY,
            message=f"the source has {curve.source.frames} frames: only the first was encoded",
        )
    if request.format not in (pb.FORMAT_UNSPECIFIED, curve.format):
        asked, written = pb.Format.Name(request.format), pb.Format.Name(curve.format)
        yield pb.Notice(
            code=pb.Notice.CODE_FORMAT_SUBSTITUTED,
            message=f"{asked} cannot hold an image of this size: written as {written}",
        )
    if curve.source.has_alpha and curve.format == pb.FORMAT_JPEG:
        yield pb.Notice(
            code=pb.Notice.CODE_ALPHA_FLATTENED,
            message="JPEG has no transparency: flattened on the background",
        )
    if request.auto_quality.HasField("target") and (reason := _why_unused(request, curve, method)):
        yield pb.Notice(
            code=pb.Notice.CODE_TARGET_UNUSED,
            message=f"the target was not used, because {reason}",
        )


def _why_unused(request: pb.EncodeRequest, curve: Curve, method: pb.Method.ValueType) -> str | None:
    """Why the target has no effect, or None if it has one."""
    if method == pb.METHOD_NONE:
        return "the method is none: set the method (--method), or give a word such as high"
    shrinks = method == pb.METHOD_SIZE and request.may_shrink
    is_png = curve.format == pb.FORMAT_PNG
    if not (is_png or curve.lossless) or shrinks or request.candidates:
        return None
    if is_png:
        return "PNG has no quality: set a format (--format) that has one"
    format = pb.Format.Name(curve.format).removeprefix("FORMAT_").lower()
    return f"{format}.lossless leaves no quality to choose"


def result_notices(
    request: pb.EncodeRequest, response: pb.EncodeResponse, curve: Curve, cap: int
) -> Iterator[pb.Notice]:
    """Yield those about the limits that the result exceeds, and about a default bound.

    The bound, and not `cap`, keeps the result from its target.
    """
    limits = [
        pb.Outcome.Name(one).removeprefix("OUTCOME_").removesuffix("_REACHED").lower()
        for one in exceeded(curve, response.applied, response.quality)
    ]
    if limits:
        message = f"the result exceeds {' and '.join(limits)}"
        yield pb.Notice(code=pb.Notice.CODE_LIMIT_EXCEEDED, message=message)
    bounds = {pb.OUTCOME_MIN_QUALITY_REACHED: "min", pb.OUTCOME_MAX_QUALITY_REACHED: "max"}
    name = bounds.get(response.outcome)
    spec: Any = request.auto_quality
    if name and response.quality != cap and not spec.HasField(f"{name}_quality"):
        message = (
            f"quality {response.quality} is the default: set {name}_quality (--{name}) to exceed it"
        )
        yield pb.Notice(code=pb.Notice.CODE_DEFAULT_BOUND_REACHED, message=message)
