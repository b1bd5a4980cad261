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

from typing import Any, TypeVar

E = TypeVar("E", bound=Exception)


class ServiceError(Exception):
    """An error with a status, a stable reason and a sentence for the caller.

    `message` reaches the caller as it is: it must not quote exceptions of
    libraries, paths or memory addresses.
    """

    status = "UNKNOWN"
    reason = "UNKNOWN"
    usual = ""
    """The message of an error that always has the same."""

    def __init__(self, message: str = "", *, reason: str | None = None) -> None:
        self.message = message or self.usual
        super().__init__(self.message)
        if reason is not None:
            self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own pickling calls the constructor with the message alone, which fails in
        # the parent of a process pool and breaks the whole pool.
        return _without_init, (type(self), *self.args), self.__dict__


def _without_init(kind: type[E], *args: object) -> E:
    return kind.__new__(kind, *args)


class InvalidRequest(ServiceError):
    """A field of the request is wrong.

    `field` is its path in the request message (`auto_quality.min_quality`),
    `message` says what would be right. `others` are the errors of other fields.
    """

    status = "INVALID_ARGUMENT"
    reason = "INVALID_FIELD"

    def __init__(self, field: str, message: str, *, reason: str | None = None) -> None:
        super().__init__(f"{field}: {message}", reason=reason)
        self.field = field
        self.description = message
        self.others: tuple[InvalidRequest, ...] = ()

    @property
    def violations(self) -> tuple[InvalidRequest, ...]:
        """The error itself and those of other fields."""
        return (self, *self.others)


class InvalidImage(InvalidRequest):
    """The source cannot be used.

    Reasons: IMAGE_UNREADABLE, IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE.
    """

    reason = "IMAGE_UNREADABLE"


class Violations:
    """Collects the errors of several fields, the first of each field.

    As a context manager, it takes the InvalidRequest that its block raises:

        wrong = Violations()
        with wrong:
            check(request)
        wrong.raise_any()
    """

    def __init__(self) -> None:
        self._found: dict[str, InvalidRequest] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def __contains__(self, field: str) -> bool:
        return field in self._found

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if isinstance(error, InvalidRequest):
            self.add(*error.violations)
            return True
        return False

    def add(self, *errors: InvalidRequest) -> None:
        for one in errors:
            # A stack would refer to this object, and keep the request until garbage is collected.
            one.__traceback__ = None
            self._found.setdefault(one.field, one)

    def error(self) -> InvalidRequest:
        """The first error, with all of them as its `violations`. Forgets them."""
        first, *others = self._found.values()
        self._found.clear()
        if not others:
            return first
        error = type(first)(first.field, first.description, reason=first.reason)
        more = "1 more field is" if len(others) == 1 else f"{len(others)} more fields are"
        error.message += f"; {more} invalid"
        error.others = tuple(others)
        return error

    def raise_any(self) -> None:
        if self:
            raise self.error()


class Overloaded(ServiceError):
    """There is no room: retry after `retry_seconds`."""

    status = "RESOURCE_EXHAUSTED"
    reason = "QUEUE_FULL"

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(f"{message}: try again in {retry_seconds:.2f} s")
        self.retry_seconds = retry_seconds


class DeadlinePassed(ServiceError):
    """The caller's deadline passed before there was anything to return."""

    status = "DEADLINE_EXCEEDED"
    reason = "DEADLINE_EXCEEDED"
    usual = "the deadline passed before one encoding was done"


class RequestCancelled(ServiceError):
    """The caller cancelled the request or left."""

    status = "CANCELLED"
    reason = "CANCELLED"
    usual = "the caller cancelled the request"
