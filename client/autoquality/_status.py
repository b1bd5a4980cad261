"""The details of a failed call: google.rpc.Status in the trailing metadata.

Decoding never raises. A detail that cannot be read becomes an `UnknownDetail`, and a status
that cannot be read has no details.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from google.protobuf.message import DecodeError, Message

from autoquality import _schema
from autoquality._enums import plain
from autoquality._messages import Builders, fields_of, flat, read, to_message

STATUS_KEY = "grpc-status-details-bin"
_TYPE_PREFIX = "type.googleapis.com/"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of the request that is wrong: its path, and the valid values."""

    field: str
    description: str
    reason: str = ""
    """A stable code for programs."""


@dataclass(frozen=True, slots=True)
class BadRequest:
    """google.rpc.BadRequest."""

    field_violations: tuple[FieldViolation, ...]


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """google.rpc.ErrorInfo: a stable reason for programs."""

    reason: str
    domain: str = "autoquality.v1"
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """google.rpc.RetryInfo: the seconds to wait before a retry."""

    retry_delay: float


@dataclass(frozen=True, slots=True)
class QuotaViolation:
    """A limit that the caller exceeded."""

    subject: str
    """Whose limit it is."""
    description: str
    """What the limit allows."""


@dataclass(frozen=True, slots=True)
class QuotaFailure:
    """google.rpc.QuotaFailure: the caller exceeded its limits."""

    violations: tuple[QuotaViolation, ...]


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """google.rpc.RequestInfo: the request's id in the server's log."""

    request_id: str
    serving_data: str = ""


@dataclass(frozen=True, slots=True)
class UnknownDetail:
    """A detail of a type that this client does not know, undecoded."""

    type_url: str
    value: bytes


Detail: TypeAlias = BadRequest | ErrorInfo | RetryInfo | QuotaFailure | RequestInfo | UnknownDetail

_DETAILS: dict[str, type[Any]] = {
    f"google.rpc.{kind.__name__}": kind
    for kind in (BadRequest, ErrorInfo, RetryInfo, QuotaFailure, RequestInfo)
}


def decode_details(status: bytes) -> tuple[Detail, ...]:
    """Decode the details of a serialised google.rpc.Status, in order."""
    message = _schema.Status()
    try:
        message.ParseFromString(status)
    except DecodeError:
        return ()
    return tuple(_decode(detail.type_url, detail.value) for detail in message.details)


def encode_status(code: int, text: str, details: Iterable[Detail]) -> bytes:
    """Serialise a google.rpc.Status. Fake servers use it."""
    status = _schema.Status(code=code, message=text)
    for detail in details:
        packed = status.details.add()
        packed.type_url, packed.value = _encode(detail)
    encoded: bytes = status.SerializeToString()
    return encoded


def _decode(type_url: str, value: bytes) -> Detail:
    name = type_url.rpartition("/")[2]
    if name in _DETAILS:
        try:
            message = _schema.message_class(name).FromString(value)
        except DecodeError:
            return UnknownDetail(type_url, value)
        detail: Detail = _DETAILS[name](**read(message, _BUILDERS))
        return detail
    return UnknownDetail(type_url, value)


def _encode(detail: Detail) -> tuple[str, bytes]:
    if isinstance(detail, UnknownDetail):
        return detail.type_url, detail.value
    name = f"google.rpc.{type(detail).__name__}"
    message = to_message(_schema.message_class(name), fields_of(detail))
    return _TYPE_PREFIX + name, message.SerializeToString()


def _violation(message: Message) -> FieldViolation:
    violation: FieldViolation = flat(FieldViolation)(message)
    return replace(violation, description=plain(violation.description))


_BUILDERS: Builders = {
    "google.rpc.BadRequest.FieldViolation": _violation,
    "google.rpc.QuotaFailure.Violation": flat(QuotaViolation),
}
