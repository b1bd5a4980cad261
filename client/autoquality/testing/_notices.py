"""The notices of the fake server about the source and the format."""

from __future__ import annotations

from collections.abc import Iterator

from autoquality.testing._curve import Curve
from autoquality.testing._image import header_of
from autoquality.v1 import encoding_pb2 as pb


def notices(
    request: pb.EncodeRequest, curve: Curve, method: pb.Method.ValueType
) -> Iterator[pb.Notice]:
    """Yield those that follow from the request and the header of its source."""
    header = header_of(request)
    if header.frames > curve.frames:
        yield pb.Notice(
            code=pb.Notice.CODE_FIRST_FRAME_ONLY,
            message=f"the source has {header.frames} frames: only the first was encoded",
        )
    if request.format not in (pb.FORMAT_UNSPECIFIED, curve.format):
        asked, written = pb.Format.Name(request.format), pb.Format.Name(curve.format)
        yield pb.Notice(
            code=pb.Notice.CODE_FORMAT_SUBSTITUTED,
            message=f"{asked} cannot hold an image of this size: written as {written}",
        )
    if curve.has_alpha and curve.format == pb.FORMAT_JPEG:
        yield pb.Notice(
            code=pb.Notice.CODE_ALPHA_FLATTENED,
            message="JPEG has no transparency: flattened on the background",
        )
    if request.auto_quality.HasField("target") and method == pb.METHOD_NONE:
        yield pb.Notice(
            code=pb.Notice.CODE_TARGET_UNUSED,
            message="METHOD_NONE searches for nothing: the target was not used",
        )
