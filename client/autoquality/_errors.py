"""The errors of a call.

    AutoQualityError               any other status
    |-- InvalidRequestError        INVALID_ARGUMENT    a field is invalid: .field_violations
    |   `-- InvalidImageError      INVALID_ARGUMENT    the image is unusable: .reason
    |-- ResourceExhaustedError     RESOURCE_EXHAUSTED  a limit is exceeded, e.g. message size
    |   `-- OverloadedError        RESOURCE_EXHAUSTED  the server is full: .retry_after
    |-- DeadlineExceededError      DEADLINE_EXCEEDED   the timeout expired
    |-- UnavailableError           UNAVAILABLE         unreachable, or shutting down
    |-- CancelledError             CANCELLED           the call or its client was closed
    |-- UnauthenticatedError       UNAUTHENTICATED     no valid credentials
    |-- PermissionDeniedError      PERMISSION_DENIED   not allowed with these credentials
    |-- UnimplementedError         UNIMPLEMENTED       the server is older than this client
    `-- InternalError              INTERNAL, UNKNOWN, DATA_LOSS   a bug: .request_id

The `__cause__` of each is its `grpc.RpcError`. Errors before the call are Python's own:
ValueError for arguments that contradict each other, OSError for a file that cannot be read,
RuntimeError for a closed client.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Self, TypeVar, cast

import grpc

from autoquality._enums import plain
from autoquality._status import (
    STATUS_KEY,
    BadRequest,
    Detail,
    ErrorInfo,
    FieldViolation,
    RequestInfo,
    RetryInfo,
    decode_details,
)

_D = TypeVar("_D", ErrorInfo, RequestInfo, RetryInfo)

REQUEST_ID_KEY = "x-request-id"
_IMAGE_REASONS = ("IMAGE_UNREADABLE", "IMAGE_UNSUPPORTED", "IMAGE_TOO_LARGE")


class AutoQualityError(Exception):
    """A call that failed.

    `message` is the server's message, or the cause of a failed connection. `code` is the gRPC
    status. `reason` is a stable code such as "QUEUE_FULL" or "CERTIFICATE_EXPIRED", or None.
    `request_id` is the request's id in the server's log. `details` has all details of the status.
    """

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode,
        request_id: str | None = None,
        details: Sequence[Detail] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id
        self.details = tuple(details)

    @property
    def reason(self) -> str | None:
        """The reason in the first ErrorInfo, or None."""
        info = _first(ErrorInfo, self.details)
        return info.reason if info else None

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        # Exception's own pickling drops keyword arguments, and a process pool pickles errors.
        rebuild = functools.partial(
            type(self), code=self.code, request_id=self.request_id, details=self.details
        )
        return rebuild, (self.message,)


class InvalidRequestError(AutoQualityError):
    """A field of the request is invalid."""

    @property
    def field_violations(self) -> tuple[FieldViolation, ...]:
        """The invalid fields, as paths in the request message, and their valid values."""
        return tuple(
            violation
            for detail in self.details
            if isinstance(detail, BadRequest)
            for violation in detail.field_violations
        )


class InvalidImageError(InvalidRequestError):
    """The image is unreadable, has an unsupported format, or is too large."""


class ResourceExhaustedError(AutoQualityError):
    """The call exceeds a limit, such as the message size. A retry does not help."""


class OverloadedError(ResourceExhaustedError):
    """The server is full, and every retry found it full."""

    @property
    def retry_after(self) -> float:
        """The server's retry hint, in seconds."""
        hint = _first(RetryInfo, self.details)
        return hint.retry_delay if hint else 0.0


class DeadlineExceededError(AutoQualityError):
    """The timeout expired before the answer.

    With the reason UPLOAD_TIMEOUT, the request did not arrive within the server's own timeout.
    """


class UnavailableError(AutoQualityError):
    """The server cannot be reached or is shutting down."""


class CancelledError(AutoQualityError):
    """The call was cancelled, or its client closed."""


class UnauthenticatedError(AutoQualityError):
    """The server requires valid credentials."""


class PermissionDeniedError(AutoQualityError):
    """These credentials do not allow the call."""


class UnimplementedError(AutoQualityError):
    """The server has no such method: it is older than this client, or another service."""


class InternalError(AutoQualityError):
    """A bug. The server's log has the details under the request id."""

    def __str__(self) -> str:
        if self.request_id is None or self.request_id in self.message:
            return self.message
        return f"{self.message} (request {self.request_id})"


_BY_CODE: dict[grpc.StatusCode, type[AutoQualityError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.CANCELLED: CancelledError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
    grpc.StatusCode.INTERNAL: InternalError,
    grpc.StatusCode.UNKNOWN: InternalError,
    grpc.StatusCode.DATA_LOSS: InternalError,
}


# gRPC's own texts. Those of a server say more.
_PLAIN = {
    "Deadline Exceeded": "the timeout ended before the answer",
    "Channel closed!": "the client was closed",
}


def error_from(failure: grpc.RpcError, request_id: str) -> AutoQualityError:
    """Convert a failure of gRPC. `request_id` is the id that the client sent."""
    code = failure.code()
    metadata = trailing_metadata(failure)
    status = metadata.get(STATUS_KEY, b"")
    details = decode_details(status) if isinstance(status, bytes) else ()
    kind = _BY_CODE.get(code, AutoQualityError)
    if kind is ResourceExhaustedError and _first(RetryInfo, details):
        kind = OverloadedError
    reasons = {one.reason for one in details if isinstance(one, ErrorInfo)}
    if kind is InvalidRequestError and not reasons.isdisjoint(_IMAGE_REASONS):
        kind = InvalidImageError
    message = failure.details() or code.name
    known = _first(RequestInfo, details)
    return kind(
        plain(_PLAIN.get(message, message)),
        code=code,
        request_id=(known and known.request_id) or str(metadata.get(REQUEST_ID_KEY) or request_id),
        details=details,
    )


def trailing_metadata(call: grpc.RpcError | grpc.Call) -> dict[str, str | bytes]:
    """Return the trailing metadata. A repeated key has its last value."""
    pairs = cast("Iterable[tuple[str, str | bytes]]", call.trailing_metadata() or ())
    return dict(iter(pairs))  # grpc.aio's Metadata is no dict, but has keys


def _first(kind: type[_D], details: Sequence[Detail]) -> _D | None:
    return next((detail for detail in details if isinstance(detail, kind)), None)
