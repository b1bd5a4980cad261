"""Receives the request only once the call was let in, and only for so long.

gRPC would read a unary request before anything else runs: whoever has no
token could send hundreds of megabytes, and whoever sends nothing would hold a
thread. As a stream of one message it is read when it is asked for. Of what is
a stream in the contract, the whole has to arrive in that time.

Messages are decoded here, not by gRPC, which reports one that cannot be decoded
as INTERNAL, with a traceback in the log. Its thread serves all calls, too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError

from autoquality_core.errors import RequestCancelled, RequestUnreadable, UploadTooSlow
from autoquality_core.runtime.context import step
from autoquality_server.rpc.interceptors.behavior import copy_marks
from autoquality_server.rpc.interceptors.timer import Hourglass

_Decode = Callable[[bytes], Any]


class UploadInterceptor(grpc.ServerInterceptor):
    """The innermost: what it wraps gets the whole request, what wraps it none of it."""

    def __init__(self, hourglass: Hourglass, service: str | None = None) -> None:
        """`hourglass` runs while a request is received, and while a stream of `service` is.

        Streams of other services may stay open, as reflection's does.
        """
        self._hourglass = hourglass
        self._service = service

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = continuation(handler_call_details)
        if handler is None:
            return handler
        _, service, method = handler_call_details.method.split("/", 2)
        decode = functools.partial(_decoded, method, handler.request_deserializer)
        shape = "stream" if handler.response_streaming else "unary"
        if handler.request_streaming:
            inner = getattr(handler, f"stream_{shape}")
            behavior = self._streamed(inner, decode, service)
        else:
            inner = getattr(handler, f"unary_{shape}")
            behavior = self._whole(inner, decode)
        copy_marks(inner, behavior)
        make = getattr(grpc, f"stream_{shape}_rpc_method_handler")
        return make(behavior, response_serializer=handler.response_serializer)

    def _whole(self, inner: Callable[..., Any], decode: _Decode) -> Callable[..., Any]:
        """The behaviour of a method that takes one message."""

        def behavior(requests: Iterator[bytes], context: grpc.ServicerContext, *rest: Any) -> Any:
            return inner(self._receive(requests, context, decode), context, *rest)

        return behavior

    def _streamed(
        self, inner: Callable[..., Any], decode: _Decode, service: str
    ) -> Callable[..., Any]:
        """The behaviour of a method that is a stream in both directions."""
        hourglass = self._hourglass if service == self._service else None

        def behavior(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            with closing(_parts(requests, context, decode, hourglass)) as parts:
                yield from inner(parts, context)

        return behavior

    def _receive(
        self, requests: Iterator[bytes], context: grpc.ServicerContext, decode: _Decode
    ) -> Any:
        with (
            step("receive"),
            self._hourglass.turned(functools.partial(_wake, context)) as ran_out,
        ):
            data = _next(requests, context, ran_out)
        if data is not None:
            return decode(data)
        if not context.is_active():
            raise RequestCancelled
        raise RequestUnreadable("there must be a request message", reason="REQUEST_MISSING")


def _parts(
    requests: Iterator[bytes],
    context: grpc.ServicerContext,
    decode: _Decode,
    hourglass: Hourglass | None,
) -> Generator[Any, None, None]:
    """Each message of a stream. Raises UploadTooSlow when `hourglass` runs out."""
    if hourglass is None:
        yield from map(decode, requests)
        return
    with hourglass.turned(functools.partial(_wake, context)) as ran_out:
        while (data := _next(requests, context, ran_out)) is not None:
            yield decode(data)


def _next(
    requests: Iterator[bytes], context: grpc.ServicerContext, ran_out: Callable[[], bool]
) -> bytes | None:
    """The next message, None after the last. Raises UploadTooSlow once `ran_out`."""
    # `_wake` takes this lock: it comes before the first look, or once the iterator waits.
    with _state(context).condition:
        data = None if ran_out() else next(requests, None)
    if ran_out():
        raise UploadTooSlow
    return data


def _wake(context: grpc.ServicerContext) -> None:
    """Have the iterator of `context`'s requests give something, in the thread that waits for it.

    Only that thread can end the call with a status. `context.cancel` would wake it too, but then
    the caller gets CANCELLED without details, which clients take for a server that leaves.
    """
    state = _state(context)
    with state.condition:
        state.request = b""
        state.condition.notify_all()


def _state(context: grpc.ServicerContext) -> Any:
    return cast("Any", context)._state  # noqa: SLF001 - gRPC has no way to end a wait for a message


def _decoded(method: str, decode: _Decode, data: bytes) -> Any:
    try:
        return decode(data)
    except DecodeError as error:
        if "alloc" in str(error):
            raise MemoryError from None
        raise RequestUnreadable(
            f"the request cannot be decoded: it must be the protobuf message that {method} takes"
        ) from None
