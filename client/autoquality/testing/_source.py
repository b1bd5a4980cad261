"""What the fake server does with a source: keep it, limit the quality by it, shrink it."""

from __future__ import annotations

import dataclasses
import math

from autoquality.testing._curve import Curve, format_of
from autoquality.v1 import encoding_pb2 as pb

_NO_CAP = 101


def cap(request: pb.EncodeRequest, curve: Curve) -> int:
    """Return the quality of a JPEG that must not be exceeded, otherwise one that never is."""
    is_jpeg = request.HasField("image") and format_of(request.image) == pb.FORMAT_JPEG
    limits = request.cap_at_source and is_jpeg and curve.format != pb.FORMAT_PNG
    return curve.source_quality if limits else _NO_CAP


def shrink(
    request: pb.EncodeRequest, curve: Curve, spec: pb.AutoQuality, response: pb.EncodeResponse
) -> tuple[Curve, pb.Outcome.ValueType]:
    """Return the curve of the smaller image that fits the budget, if the request allows it.

    Its sides and a notice go into the response.
    """
    unchanged = curve, pb.OUTCOME_MIN_QUALITY_REACHED
    if not request.may_shrink:
        return unchanged
    part = math.sqrt(spec.target / curve.size_bytes(spec.min_quality))
    width, height = int(curve.width * part), int(curve.height * part)
    small = dataclasses.replace(curve, width=width, height=height)
    fits = small.size_bytes(spec.min_quality) <= spec.target
    if min(width, height) < 1 or width < request.min_width or not fits:
        return unchanged
    response.width, response.height = width, height
    response.notices.add(
        code=pb.Notice.CODE_IMAGE_SHRUNK,
        message=f"no quality meets the budget: the image was reduced to {width}x{height}",
    )
    return small, pb.OUTCOME_TARGET_MET


def keep_smaller(request: pb.EncodeRequest, response: pb.EncodeResponse) -> None:
    """Replace the answer by the source, if the request wants that and the source is not larger."""
    size, applied = len(request.image), response.applied
    over = applied.method == pb.METHOD_SIZE and size > applied.target
    if not (request.keep_smaller_source and size) or size > response.size_bytes or over:
        return
    if format_of(request.image) != response.format:
        return
    response.image, response.size_bytes = request.image, size
    response.outcome, response.quality = pb.OUTCOME_SOURCE_KEPT, 0
    response.dssim, response.ssimulacra2 = 0, 100
    response.ClearField("alpha_quality")
    kept = [one for one in response.notices if one.code != pb.Notice.CODE_QUALITY_CAPPED]
    del response.notices[:]
    response.notices.extend(kept)
