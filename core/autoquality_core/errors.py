"""The errors that a caller may see, and their status.

    ServiceError
    |-- InvalidRequest        INVALID_ARGUMENT    a field is wrong; names it
    |   `-- InvalidImage      INVALID_ARGUMENT    the source cannot be used
    |-- Overloaded            RESOURCE_EXHAUSTED  no room; retry after retry_seconds
    |-- DeadlinePassed        DEADLINE_EXCEEDED
    `-- RequestCancelled      CANCELLED

`status` is the name of a canonical gRPC status code; this module does not import gRPC.
Any other exception is a defect.
"""

from __future__ import annotations


class ServiceError(Exception):
    """An error with a status, a stable reason and a sentence for the caller.

    `message` reaches the caller as it is: it must not quote exceptions of
    libraries, paths or memory addresses.
    """

    status = "UNKNOWN"
    reason = "UNKNOWN"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if reason is not None:
            self.reason = reason


class InvalidRequest(ServiceError):
    """A field of the request is wrong.

    `field` is its path in the request message (`auto_quality.min_quality`),
    `message` says what would be right.
    """

    status = "INVALID_ARGUMENT"
    reason = "INVALID_FIELD"

    def __init__(self, field: str, message: str, *, reason: str | None = None) -> None:
        super().__init__(f"{field}: {message}", reason=reason)
        self.field = field
        self.description = message


class InvalidImage(InvalidRequest):
    """The source cannot be used.

    Reasons: IMAGE_UNREADABLE, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE.
    """

    reason = "IMAGE_UNREADABLE"


class Overloaded(ServiceError):
    """There is no room: retry after `retry_seconds`."""

    status = "RESOURCE_EXHAUSTED"
    reason = "QUEUE_FULL"

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class DeadlinePassed(ServiceError):
    """The caller's deadline passed before there was anything to return."""

    status = "DEADLINE_EXCEEDED"
    reason = "DEADLINE_EXCEEDED"

    def __init__(self, message: str = "the deadline passed before one encoding was done") -> None:
        super().__init__(message)


class RequestCancelled(ServiceError):
    """The caller cancelled the request or left."""

    status = "CANCELLED"
    reason = "CANCELLED"

    def __init__(self, message: str = "the caller cancelled the request") -> None:
        super().__init__(message)
