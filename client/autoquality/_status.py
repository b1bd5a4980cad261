"""The rich details of a failed call: google.rpc.Status in the trailing metadata.

Decoding never raises: what cannot be read becomes an `UnknownDetail`, and a
status that cannot be read has no details.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from google.protobuf.message import DecodeError

from autoquality import _schema

STATUS_KEY = "grpc-status-details-bin"
_TYPE_PREFIX = "type.googleapis.com/"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A field of the request that is wrong: its path, and what would be right."""

    field: str
    description: str
    reason: str = ""
    """Stable, made for programs."""


@dataclass(frozen=True, slots=True)
class BadRequest:
    """google.rpc.BadRequest."""

    field_violations: tuple[FieldViolation, ...]


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """google.rpc.ErrorInfo: a stable reason, made for programs."""

    reason: str
    domain: str = "autoquality.v1"
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """google.rpc.RetryInfo: come back after so many seconds."""

    retry_delay: float


@dataclass(frozen=True, slots=True)
class QuotaViolation:
    """A limit that was exceeded: whose, and what it allows."""

    subject: str
    description: str


@dataclass(frozen=True, slots=True)
class QuotaFailure:
    """google.rpc.QuotaFailure: the caller asked for more than it may."""

    violations: tuple[QuotaViolation, ...]


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """google.rpc.RequestInfo: what the server's log calls the request."""

    request_id: str
    serving_data: str = ""


@dataclass(frozen=True, slots=True)
class UnknownDetail:
    """A detail of a type that this client does not know, as it came."""

    type_url: str
    value: bytes


Detail: TypeAlias = BadRequest | ErrorInfo | RetryInfo | QuotaFailure | RequestInfo | UnknownDetail


def decode_details(status: bytes) -> tuple[Detail, ...]:
    """The details of a serialised google.rpc.Status, in order."""
    message: Any = _schema.Status()
    try:
        message.ParseFromString(status)
    except DecodeError:
        return ()
    return tuple(_decode(detail.type_url, detail.value) for detail in message.details)


def encode_status(code: int, text: str, details: Iterable[Detail]) -> bytes:
    """A serialised google.rpc.Status; the other way round, for fake servers."""
    status: Any = _schema.Status(code=code, message=text)
    for detail in details:
        packed = status.details.add()
        packed.type_url, packed.value = _encode(detail)
    encoded: bytes = status.SerializeToString()
    return encoded


def _decode(type_url: str, value: bytes) -> Detail:
    message: Any
    try:
        match type_url.rpartition("/")[2]:
            case "google.rpc.BadRequest":
                message = _schema.BadRequest.FromString(value)
                return BadRequest(
                    tuple(
                        FieldViolation(violation.field, violation.description, violation.reason)
                        for violation in message.field_violations
                    )
                )
            case "google.rpc.ErrorInfo":
                message = _schema.ErrorInfo.FromString(value)
                return ErrorInfo(message.reason, message.domain, dict(message.metadata))
            case "google.rpc.RetryInfo":
                message = _schema.RetryInfo.FromString(value)
                return RetryInfo(message.retry_delay.seconds + message.retry_delay.nanos / 1e9)
            case "google.rpc.QuotaFailure":
                message = _schema.QuotaFailure.FromString(value)
                return QuotaFailure(
                    tuple(
                        QuotaViolation(one.subject, one.description) for one in message.violations
                    )
                )
            case "google.rpc.RequestInfo":
                message = _schema.RequestInfo.FromString(value)
                return RequestInfo(message.request_id, message.serving_data)
    except DecodeError:
        pass
    return UnknownDetail(type_url, value)


def _encode(detail: Detail) -> tuple[str, bytes]:
    message: Any
    match detail:
        case BadRequest(field_violations):
            message = _schema.BadRequest()
            for violation in field_violations:
                message.field_violations.add(
                    field=violation.field,
                    description=violation.description,
                    reason=violation.reason,
                )
        case ErrorInfo(reason, domain, metadata):
            message = _schema.ErrorInfo(reason=reason, domain=domain, metadata=metadata)
        case RetryInfo(retry_delay):
            message = _schema.RetryInfo()
            message.retry_delay.FromNanoseconds(round(retry_delay * 1e9))
        case QuotaFailure(violations):
            message = _schema.QuotaFailure()
            for one in violations:
                message.violations.add(subject=one.subject, description=one.description)
        case RequestInfo(request_id, serving_data):
            message = _schema.RequestInfo(request_id=request_id, serving_data=serving_data)
        case UnknownDetail(type_url, value):
            return type_url, value
    return _TYPE_PREFIX + message.DESCRIPTOR.full_name, message.SerializeToString()
