"""Every error that a caller may see, and how it is told.

    ServiceError
    |-- InvalidRequest        INVALID_ARGUMENT    a field is wrong; names it
    |   `-- InvalidImage      INVALID_ARGUMENT    the source cannot be used
    |-- RequestUnreadable     INVALID_ARGUMENT    no message, or one that cannot be decoded
    |-- Unauthenticated       UNAUTHENTICATED     no token, or a wrong one
    |-- Overloaded            RESOURCE_EXHAUSTED  come back after retry_seconds
    |   `-- RateExceeded      RESOURCE_EXHAUSTED  this caller asks for too much
    |-- DeadlinePassed        DEADLINE_EXCEEDED
    |-- UploadTooSlow         DEADLINE_EXCEEDED   the request did not arrive in time
    `-- RequestCancelled      CANCELLED

Raised anywhere, translated to google.rpc.Status in one place
(`interceptors.errors`). Whatever is not a `ServiceError` is a defect: the
caller gets INTERNAL with the request id and nothing else, the log the rest.
Knows no gRPC: `status` is the name of a canonical status code.
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


class RequestUnreadable(ServiceError):
    """The request is not the message that the method takes.

    Reasons: REQUEST_UNREADABLE, REQUEST_MISSING.
    """

    status = "INVALID_ARGUMENT"
    reason = "REQUEST_UNREADABLE"


class Unauthenticated(ServiceError):
    """The caller has not proven who it is.

    Reasons: TOKEN_MISSING, TOKEN_INVALID.
    """

    status = "UNAUTHENTICATED"
    reason = "TOKEN_MISSING"


class Overloaded(ServiceError):
    """No room: come back after `retry_seconds`."""

    status = "RESOURCE_EXHAUSTED"
    reason = "QUEUE_FULL"

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class RateExceeded(Overloaded):
    """The caller asks for more than it may, whatever room there is.

    `subject` is who that is, `limit` what it may.
    """

    reason = "RATE_EXCEEDED"

    def __init__(self, subject: str, limit: str, retry_seconds: float) -> None:
        super().__init__(f"{limit}: try again in {retry_seconds:.2f} s", retry_seconds)
        self.subject = subject
        self.limit = limit


class DeadlinePassed(ServiceError):
    """The caller's deadline passed before there was anything to return."""

    status = "DEADLINE_EXCEEDED"
    reason = "DEADLINE_EXCEEDED"

    def __init__(self, message: str = "the deadline passed before one encoding was done") -> None:
        super().__init__(message)


class UploadTooSlow(ServiceError):
    """The request did not arrive in time.

    DEADLINE_EXCEEDED, because clients do not repeat such a call by themselves: the next
    upload over the same line would be no faster.
    """

    status = "DEADLINE_EXCEEDED"
    reason = "UPLOAD_TIMEOUT"

    def __init__(self, message: str = "the request did not arrive in time") -> None:
        super().__init__(message)


class RequestCancelled(ServiceError):
    """The caller went away."""

    status = "CANCELLED"
    reason = "CANCELLED"

    def __init__(self, message: str = "the caller cancelled the request") -> None:
        super().__init__(message)
