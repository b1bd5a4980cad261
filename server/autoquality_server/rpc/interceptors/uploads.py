"""Receives requests, each within a limited time.

gRPC would read a unary request before any interceptor runs. A caller without a token could send
hundreds of megabytes, and a silent one would hold a thread. So every request is a stream here,
and its messages are read on demand.

Messages are decoded here too. gRPC would decode them in its event thread, and report a malformed
one as INTERNAL with a traceback in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeAlias, cast

from google.protobuf.message import DecodeError

from autoquality_core.errors import RequestCancelled, ServiceError
from autoquality_core.runtime.context import step
from autoquality_server.rpc.interceptors.timer import TimeoutTimer
from autoquality_server.rpc.request_context import RequestContext

Decode: TypeAlias = Callable[[bytes], Any]


class RequestUnreadable(ServiceError):
    """The request is not the message that the method takes.

    Reasons: REQUEST_UNREADABLE, REQUEST_MISSING.
    """

    status = "INVALID_ARGUMENT"
    reason = "REQUEST_UNREADABLE"


class UploadTooSlow(ServiceError):
    """The request did not arrive in time.

    DEADLINE_EXCEEDED, because clients do not repeat such a call by themselves: the next
    upload over the same line would be no faster.
    """

    status = "DEADLINE_EXCEEDED"
    reason = "UPLOAD_TIMEOUT"

    def __init__(self, message: str = "the request did not arrive in time") -> None:
        super().__init__(message)


def receive_message(
    request: RequestContext, requests: Iterator[bytes], decode: Decode, timer: TimeoutTimer
) -> Any:
    """The only message. Raises RequestCancelled, RequestUnreadable and UploadTooSlow."""
    with step("receive"), timer.running(_waker(request)) as timed_out:
        data = _next(requests, request, timed_out)
    if data is not None:
        return decode(data)
    if not request.call.is_active():
        raise RequestCancelled
    raise RequestUnreadable("the request message is missing", reason="REQUEST_MISSING")


def receive_messages(
    request: RequestContext, requests: Iterator[bytes], decode: Decode, timer: TimeoutTimer | None
) -> Generator[Any, None, None]:
    """The messages of a stream, all within the time of `timer`.

    Raises RequestUnreadable and UploadTooSlow.
    """
    if timer is None:
        yield from map(decode, requests)
        return
    with timer.running(_waker(request)) as timed_out:
        while (data := _next(requests, request, timed_out)) is not None:
            yield decode(data)


def decoder(method: str, deserialize: Decode) -> Decode:
    """`deserialize`, but it raises RequestUnreadable or MemoryError."""

    def decode(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError as error:
            if "alloc" in str(error):
                raise MemoryError from None
            raise RequestUnreadable(
                "the request cannot be decoded: "
                f"it must be the protobuf message that {method} takes"
            ) from None

    return decode


def _next(
    requests: Iterator[bytes], request: RequestContext, timed_out: Callable[[], bool]
) -> bytes | None:
    """The next message, None after the last one."""
    # `wake` takes this lock, so it comes before the check or while the iterator waits.
    with _state(request).condition:
        data = None if timed_out() else next(requests, None)
    if timed_out():
        raise UploadTooSlow
    return data


def _waker(request: RequestContext) -> Callable[[], None]:
    """A function that makes the iterator of requests return, in the thread that waits for it.

    Only that thread can end the call with a status. `call.cancel` would wake it too, but the
    caller would get CANCELLED without details, as from a server that shuts down.
    """
    state = _state(request)

    def wake() -> None:
        with state.condition:
            state.request = b""
            state.condition.notify_all()

    return wake


def _state(request: RequestContext) -> Any:
    # gRPC has no public way to end a wait for a message.
    return cast("Any", request.call)._state  # noqa: SLF001
