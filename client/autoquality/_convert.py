"""The server's answers as dataclasses. Fields have the contract's names, except those below."""

from __future__ import annotations

from typing import Any

from autoquality._messages import Builders, flat, read
from autoquality._options import AutoQuality
from autoquality._results import (
    Candidate,
    Comparison,
    Encoded,
    FormatInfo,
    Limits,
    NetworkInfo,
    Notice,
    Probe,
    Progress,
    ServerInfo,
    Timings,
)
from autoquality.v1 import encoding_pb2 as pb


def encoded_from(
    message: pb.EncodeResponse, request_id: str, image: bytes | None = None
) -> Encoded:
    """Convert the answer to Encode. `image` replaces the message's image."""
    fields = read(message, _BUILDERS)
    fields["quality"] = message.quality or None
    if image is not None:
        fields["image"] = image
    return Encoded(**fields, request_id=request_id, message=message)


def progress_from(message: pb.EncodeProgress) -> Progress:
    """Convert the progress of an EncodeStream."""
    fields = read(message, _BUILDERS)
    if not message.HasField("probe"):
        fields["probe"] = None
    return Progress(**fields)


def comparison_from(message: pb.CompareResponse, request_id: str) -> Comparison:
    """Convert the answer to Compare."""
    return Comparison(**read(message, _BUILDERS), request_id=request_id, message=message)


def info_from(message: pb.GetServerInfoResponse) -> ServerInfo:
    """Convert the answer to GetServerInfo."""
    return ServerInfo(**read(message, _BUILDERS), message=message)


def _auto_quality(message: pb.AutoQuality) -> AutoQuality:
    fields = read(message, _BUILDERS)
    if message.method == pb.METHOD_UNSPECIFIED:
        fields["method"] = None
    if message.metric == pb.METRIC_UNSPECIFIED:
        fields["metric"] = None
    return AutoQuality(**fields)


def _probe(message: pb.Probe) -> Probe:
    fields = read(message, _BUILDERS)
    encode, measure = fields.pop("encode_time"), fields.pop("measure_time")
    _without_unspecified(message, fields)
    return Probe(**fields, encode_seconds=encode, measure_seconds=measure)


def _candidate(message: pb.Candidate) -> Candidate:
    fields = read(message, _BUILDERS)
    fields["quality"] = message.quality or None
    _without_unspecified(message, fields)
    return Candidate(**fields)


def _without_unspecified(message: pb.Probe | pb.Candidate, fields: dict[str, Any]) -> None:
    if message.chroma == pb.CHROMA_UNSPECIFIED:
        fields["chroma"] = None
    if message.format == pb.FORMAT_UNSPECIFIED:
        fields["format"] = None


def _format_info(message: pb.FormatInfo) -> FormatInfo:
    fields = read(message, _BUILDERS)
    if not fields.pop("has_quality"):
        fields.update(default_quality=None, min_quality=None, max_quality=None)
    if not message.HasField("network"):
        fields["network"] = None
    return FormatInfo(**fields)


_BUILDERS: Builders = {
    pb.AutoQuality.DESCRIPTOR.full_name: _auto_quality,
    pb.Candidate.DESCRIPTOR.full_name: _candidate,
    pb.FormatInfo.DESCRIPTOR.full_name: _format_info,
    pb.Limits.DESCRIPTOR.full_name: flat(Limits),
    pb.NetworkInfo.DESCRIPTOR.full_name: flat(NetworkInfo),
    pb.Notice.DESCRIPTOR.full_name: flat(Notice),
    pb.Probe.DESCRIPTOR.full_name: _probe,
    pb.Timings.DESCRIPTOR.full_name: flat(Timings),
}
