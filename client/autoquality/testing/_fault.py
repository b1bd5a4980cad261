"""How a fake call fails."""

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
    """A failing status with its details, told as the real server tells it.

    `metadata` comes with it, after the answer.
    """

    code: grpc.StatusCode
    message: str = ""
    details: Sequence[Detail] = ()
    metadata: Sequence[tuple[str, str | bytes]] = ()

    @classmethod
    def overloaded(cls, retry_delay: float = 0.0) -> Self:
        """The queue is full: come back after `retry_delay` seconds."""
        return cls(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "the queue is full",
            (ErrorInfo("QUEUE_FULL"), RetryInfo(retry_delay)),
        )

    @classmethod
    def invalid(cls, field: str, description: str, reason: str = "INVALID_FIELD") -> Self:
        """`field` (its path in the request) is wrong; `description` says what is right."""
        return cls(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"{field}: {description}",
            (ErrorInfo(reason), BadRequest((FieldViolation(field, description, reason),))),
        )

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """What goes after the answer: the rich status, and `metadata`."""
        code: int = self.code.value[0]
        status = encode_status(code, self.message, self.details)
        return ((STATUS_KEY, status), *self.metadata)
