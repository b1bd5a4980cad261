"""What the fake server does with a source: keep it, limit the quality by it, shrink it."""

from __future__ import annotations

import dataclasses
import math

from autoquality.testing._curve import Curve
from autoquality.testing._image import header_of
from autoquality.v1 import encoding_pb2 as pb

_NO_CAP = 101


def cap(request: pb.EncodeRequest, curve: Curve) -> int:
    """Return the quality of a JPEG that must not be exceeded, otherwise one that never is."""
    limits = request.cap_at_source and curve.source.kind == "jpeg" and curve.format != pb.FORMAT_PNG
    return curve.source_quality if limits else _NO_CAP


def shrink(
    request: pb.EncodeRequest,
    response: pb.EncodeResponse,
    curve: Curve,
    quality: int,
    outcome: pb.Outcome.ValueType,
) -> tuple[Curve, pb.Outcome.ValueType]:
    """Return the curve of the smaller image that fits the budget, if the request allows it.

    Its sides and a notice go into the response.
    """
    spec, size = response.applied, curve.size_bytes(quality)
    budget = _budget(spec)
    if not request.may_shrink or spec.method == pb.METHOD_NONE or size <= budget:
        return curve, outcome
    part = math.sqrt(budget / size)
    width, height = int(curve.width * part), int(curve.height * part)
    small = dataclasses.replace(curve, width=width, height=height)
    fits = small.size_bytes(quality) <= budget
    if min(width, height) < 1 or width < request.min_width or not fits:
        return curve, outcome
    response.width, response.height = width, height
    response.notices.add(
        code=pb.Notice.CODE_IMAGE_SHRUNK,
        message=f"no quality meets the budget: the image was reduced to {width}x{height}",
    )
    if outcome == pb.OUTCOME_NO_QUALITY:
        return small, outcome
    met = spec.method == pb.METHOD_SIZE and budget == spec.target
    return small, pb.OUTCOME_TARGET_MET if met else pb.OUTCOME_MAX_BYTES_REACHED


def _budget(spec: pb.AutoQuality) -> float:
    """Return the most bytes that a resolved spec allows."""
    target = spec.target if spec.method == pb.METHOD_SIZE else math.inf
    return min(target, spec.max_bytes) if spec.HasField("max_bytes") else target


def keep_smaller(request: pb.EncodeRequest, response: pb.EncodeResponse) -> pb.EncodeResponse:
    """Replace the answer by the source, if the request wants that and the source is not larger."""
    size = len(request.image)
    if not (request.keep_smaller_source and size):
        return response
    if size > response.size_bytes:
        return response
    format = header_of(request).own_format
    if format not in (request.candidates or (response.format,)):
        return response
    response.image, response.size_bytes, response.format = request.image, size, format
    response.outcome, response.quality = pb.OUTCOME_SOURCE_KEPT, 0
    response.dssim, response.ssimulacra2, response.lossless = 0, 100, True
    _list_source(response)
    response.ClearField("alpha_quality")
    budget = _budget(response.applied)
    of_encoding = [pb.Notice.CODE_QUALITY_CAPPED, pb.Notice.CODE_LIMIT_EXCEEDED]
    if size <= budget:
        of_encoding.append(pb.Notice.CODE_DEFAULT_BOUND_REACHED)
    kept = [one for one in response.notices if one.code not in of_encoding]
    del response.notices[:]
    response.notices.extend(kept)
    if size > budget:
        message = f"the source has {size} bytes, the budget is {budget:g}"
        response.notices.add(code=pb.Notice.CODE_LIMIT_EXCEEDED, message=message)
    return response


def _list_source(response: pb.EncodeResponse) -> None:
    """Add the source to the candidates, if there are any, as the first and the chosen one."""
    others = list(response.candidates)
    if not others:
        return
    for one in others:
        if one.verdict == pb.Candidate.VERDICT_CHOSEN:
            one.verdict = pb.Candidate.VERDICT_LARGER
            one.message = f"{one.size_bytes - response.size_bytes} bytes more than the source"
    del response.candidates[:]
    response.candidates.add(
        format=response.format,
        verdict=pb.Candidate.VERDICT_CHOSEN,
        message="the source: not larger than the encoding",
        lossless=True,
        size_bytes=response.size_bytes,
        ssimulacra2=100,
    )
    response.candidates.extend(others)
