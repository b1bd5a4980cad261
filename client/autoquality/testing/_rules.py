"""What the fake server refuses: the plainest of the real server's rules."""

from __future__ import annotations

import re

from autoquality.testing._fault import Fault
from autoquality.v1 import encoding_pb2 as pb

_BACKGROUND = re.compile(r"#[0-9a-fA-F]{6}|")


def refuse_encode(request: pb.EncodeRequest) -> Fault | None:
    """Why `request` is refused, None if it is not."""
    if not (request.image or request.raw.pixels):
        return Fault.invalid("image", "an image file or raw pixels must be given")
    raw = request.raw
    if request.HasField("raw") and len(raw.pixels) != raw.width * raw.height * raw.bands:
        return Fault.invalid("raw.pixels", "must be width x height x bands bytes")
    if not _BACKGROUND.fullmatch(request.background):
        return Fault.invalid("background", "must be #rrggbb")
    wish = request.auto_quality
    if request.HasField("quality"):
        if not 1 <= request.quality <= 100:
            return Fault.invalid("quality", "must be from 1 to 100")
        if wish.method not in (pb.METHOD_UNSPECIFIED, pb.METHOD_NONE):
            return Fault.invalid("quality", "is for METHOD_NONE only")
    return _refuse_wish(wish)


def refuse_compare(request: pb.CompareRequest) -> Fault | None:
    """Why `request` is refused, None if it is not."""
    for field in ("reference", "distorted"):
        if not getattr(request, field):
            return Fault.invalid(field, "an image file must be given")
    return None


def _refuse_wish(wish: pb.AutoQuality) -> Fault | None:
    for field in ("min_quality", "max_quality"):
        if wish.HasField(field) and not 1 <= getattr(wish, field) <= 100:
            return Fault.invalid(f"auto_quality.{field}", "must be from 1 to 100")
    both = wish.HasField("min_quality") and wish.HasField("max_quality")
    if both and wish.min_quality > wish.max_quality:
        return Fault.invalid("auto_quality.min_quality", "must not be above max_quality")
    if wish.HasField("allowed_error") and not 0 <= wish.allowed_error <= 1:
        return Fault.invalid("auto_quality.allowed_error", "must be from 0 to 1")
    if wish.method == pb.METHOD_SIZE and not wish.target >= 1:
        return Fault.invalid("auto_quality.target", "must be 1 byte or more for METHOD_SIZE")
    by_dssim = wish.method in (pb.METHOD_DSSIM, pb.METHOD_ML)
    if by_dssim and wish.HasField("target") and not 0 <= wish.target <= 1:
        return Fault.invalid("auto_quality.target", "must be a DSSIM from 0 to 1")
    return None
