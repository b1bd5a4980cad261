"""Failures of the fake server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import grpc

from autoquality._status import (
    STATUS_KEY,
    BadRequest,
    Detail,
    ErrorInfo,
    FieldViolation,
    RetryInfo,
    encode_status,
)


@dataclass(frozen=True)
class Fault:
    """A gRPC status with details, as the real server sends it. `metadata` is trailing metadata."""

    code: grpc.StatusCode
    message: str = ""
    details: Sequence[Detail] = ()
    metadata: Sequence[tuple[str, str | bytes]] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.code, grpc.StatusCode):
            raise TypeError(f"code must be a grpc.StatusCode, not {type(self.code).__name__}")
        if self.code is grpc.StatusCode.OK:
            raise ValueError("code must be that of a failure, not OK")

    @classmethod
    def overloaded(cls, retry_delay: float = 0.0) -> Self:
        """Return the fault of a full queue. `retry_delay` is the retry hint, in seconds."""
        return cls(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "the queue is full",
            (ErrorInfo("QUEUE_FULL"), RetryInfo(retry_delay)),
        )

    @classmethod
    def invalid(cls, field: str, description: str, reason: str = "INVALID_FIELD") -> Self:
        """Return the fault of an invalid field.

        `field` is its path in the request. `description` gives the valid values.
        """
        return cls.invalid_fields(FieldViolation(field, description, reason))

    @classmethod
    def invalid_fields(cls, first: FieldViolation, *others: FieldViolation) -> Self:
        """Return the fault of several invalid fields. The message names the first."""
        message = f"{first.field}: {first.description}"
        if others:
            more = "1 more field is" if len(others) == 1 else f"{len(others)} more fields are"
            message += f"; {more} invalid"
        return cls(
            grpc.StatusCode.INVALID_ARGUMENT,
            message,
            (ErrorInfo(first.reason), BadRequest((first, *others))),
        )

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return the status with its details, and `metadata`."""
        code: int = self.code.value[0]
        status = encode_status(code, self.message, self.details)
        return ((STATUS_KEY, status), *self.metadata)
