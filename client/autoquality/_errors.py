"""Every error that a call may end with.

    AutoQualityError               any status not named below
    |-- InvalidRequestError        INVALID_ARGUMENT    a field is wrong; .field_violations
    |   `-- InvalidImageError      INVALID_ARGUMENT    the source cannot be used; .reason
    |-- ResourceExhaustedError     RESOURCE_EXHAUSTED  too much asked, a message too large
    |   `-- OverloadedError        RESOURCE_EXHAUSTED  no room now; come back after .retry_after
    |-- DeadlineExceededError      DEADLINE_EXCEEDED   the timeout passed
    |-- UnavailableError           UNAVAILABLE         unreachable, or shutting down
    |-- CancelledError             CANCELLED           the call or its client was closed
    |-- UnauthenticatedError       UNAUTHENTICATED     no valid credentials
    |-- PermissionDeniedError      PERMISSION_DENIED   not allowed with these credentials
    |-- UnimplementedError         UNIMPLEMENTED       the server is older than this client
    `-- InternalError              INTERNAL, UNKNOWN, DATA_LOSS   a defect; .request_id

Each is raised from the `grpc.RpcError` that it explains (`__cause__`). What is
wrong before anything is sent raises Python's own: ValueError for arguments that
contradict each other, OSError for a file that cannot be read, RuntimeError for
a client that is closed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Self, cast

import grpc

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

REQUEST_ID_KEY = "x-request-id"
_IMAGE_REASONS = ("IMAGE_UNREADABLE", "IMAGE_UNSUPPORTED", "IMAGE_TOO_LARGE")


class AutoQualityError(Exception):
    """A call that failed.

    `message` is the server's sentence, `code` the status, `reason` its stable
    reason ("QUEUE_FULL"; None where the server gave none), `request_id` what
    the server's log calls the request, `details` all that came with the status.
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
        """The stable reason of the first ErrorInfo, None without one."""
        return next((d.reason for d in self.details if isinstance(d, ErrorInfo)), None)

    def __reduce__(self) -> tuple[Callable[[str], Self], tuple[str]]:
        # Keyword arguments do not survive Exception's own pickling, and errors
        # must survive a process pool.
        rebuild = functools.partial(
            type(self), code=self.code, request_id=self.request_id, details=self.details
        )
        return rebuild, (self.message,)


class InvalidRequestError(AutoQualityError):
    """A field of the request is wrong."""

    @property
    def field_violations(self) -> tuple[FieldViolation, ...]:
        """Which fields are wrong (paths in the request message), and what would be right."""
        return tuple(
            violation
            for detail in self.details
            if isinstance(detail, BadRequest)
            for violation in detail.field_violations
        )


class InvalidImageError(InvalidRequestError):
    """The source cannot be used: unreadable, of an unsupported format, or too large."""


class ResourceExhaustedError(AutoQualityError):
    """More than a limit allows, a message's size for one; asking again will not help."""


class OverloadedError(ResourceExhaustedError):
    """The server has no room now, and had none at each retry."""

    @property
    def retry_after(self) -> float:
        """Seconds after which the server suggests to come back."""
        return next((d.retry_delay for d in self.details if isinstance(d, RetryInfo)), 0.0)


class DeadlineExceededError(AutoQualityError):
    """The timeout passed before there was an answer.

    With the reason UPLOAD_TIMEOUT it was the server's: the request did not arrive in time.
    """


class UnavailableError(AutoQualityError):
    """The server cannot be reached or is shutting down."""


class CancelledError(AutoQualityError):
    """The call was cancelled, or its client closed."""


class UnauthenticatedError(AutoQualityError):
    """The server wants credentials, or other ones."""


class PermissionDeniedError(AutoQualityError):
    """These credentials do not allow the call."""


class UnimplementedError(AutoQualityError):
    """The server does not know the call: it is older than this client, or another service."""


class InternalError(AutoQualityError):
    """A defect; the server's log tells more under the request id."""

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


def error_from(failure: grpc.RpcError, request_id: str) -> AutoQualityError:
    """The error that explains `failure`; `request_id` is what the client sent."""
    code = failure.code()
    metadata = trailing_metadata(failure)
    status = metadata.get(STATUS_KEY, b"")
    details = decode_details(status) if isinstance(status, bytes) else ()
    kind = _BY_CODE.get(code, AutoQualityError)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _has(RetryInfo, details):
        kind = OverloadedError
    reasons = [detail.reason for detail in details if isinstance(detail, ErrorInfo)]
    if kind is InvalidRequestError and any(reason in _IMAGE_REASONS for reason in reasons):
        kind = InvalidImageError
    told = next((d.request_id for d in details if isinstance(d, RequestInfo)), None)
    return kind(
        failure.details() or code.name,
        code=code,
        request_id=told or str(metadata.get(REQUEST_ID_KEY) or request_id),
        details=details,
    )


def trailing_metadata(call: grpc.RpcError | grpc.Call) -> dict[str, str | bytes]:
    """What came after the answer; of a repeated key the last value."""
    pairs = cast("Iterable[tuple[str, str | bytes]]", call.trailing_metadata() or ())
    return dict(pairs)


def _has(kind: type[Detail], details: Sequence[Detail]) -> bool:
    return any(isinstance(detail, kind) for detail in details)
