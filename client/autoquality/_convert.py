"""The server's answers as dataclasses. Fields have the contract's names, except those below."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from autoquality._enums import plain
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
    fields = _fields(message, "quality")
    if image is not None:
        fields["image"] = image
    return Encoded(**fields, request_id=request_id, message=message)


def progress_from(message: pb.EncodeProgress) -> Progress:
    """Convert the progress of an EncodeStream."""
    return Progress(**_fields(message, "probe"))


def comparison_from(message: pb.CompareResponse, request_id: str) -> Comparison:
    """Convert the answer to Compare."""
    return Comparison(**_fields(message), request_id=request_id, message=message)


def info_from(message: pb.GetServerInfoResponse) -> ServerInfo:
    """Convert the answer to GetServerInfo."""
    return ServerInfo(**_fields(message), message=message)


def _fields(message: Message, *optional: str) -> dict[str, Any]:
    """Return the fields by name. An `optional` one is None if it is not set."""
    present = {field.name for field, _ in message.ListFields()}
    fields = read(message, _BUILDERS)
    return {**fields, **{name: None for name in optional if name not in present}}


def _auto_quality(message: pb.AutoQuality) -> AutoQuality:
    return AutoQuality(**_fields(message, "method", "metric"))


def _probe(message: pb.Probe) -> Probe:
    fields = _fields(message, "format", "chroma")
    encode, measure = fields.pop("encode_time"), fields.pop("measure_time")
    return Probe(**fields, encode_seconds=encode, measure_seconds=measure)


def _candidate(message: pb.Candidate) -> Candidate:
    return Candidate(**_fields(message, "format", "chroma", "quality"))


def _notice(message: pb.Notice) -> Notice:
    fields = _fields(message)
    return Notice(**{**fields, "message": plain(fields["message"])})


def _format_info(message: pb.FormatInfo) -> FormatInfo:
    fields = _fields(message, "network")
    if not fields.pop("has_quality"):
        fields.update(default_quality=None, min_quality=None, max_quality=None)
    return FormatInfo(**fields)


_BUILDERS: Builders = {
    pb.AutoQuality.DESCRIPTOR.full_name: _auto_quality,
    pb.Candidate.DESCRIPTOR.full_name: _candidate,
    pb.FormatInfo.DESCRIPTOR.full_name: _format_info,
    pb.Limits.DESCRIPTOR.full_name: flat(Limits),
    pb.NetworkInfo.DESCRIPTOR.full_name: flat(NetworkInfo),
    pb.Notice.DESCRIPTOR.full_name: _notice,
    pb.Probe.DESCRIPTOR.full_name: _probe,
    pb.Timings.DESCRIPTOR.full_name: flat(Timings),
}
