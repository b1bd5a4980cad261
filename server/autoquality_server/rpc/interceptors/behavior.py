"""Running code around a call, for each of gRPC's shapes of handlers."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

import grpc

# gRPC reads these from the behaviour itself, so a wrapper must wear them too.
_MARKS = ("experimental_thread_pool", "experimental_non_blocking")


def copy_marks(inner: object, outer: object) -> None:
    """Make gRPC treat `outer` as it would the behaviour `inner`."""
    for mark in _MARKS:
        if hasattr(inner, mark):
            setattr(outer, mark, getattr(inner, mark))


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method.

    `streams` tells whether it has several responses; `returns_early` whether
    its handler returns while the call goes on (gRPC's non-blocking handlers).
    """

    service: str
    method: str
    metadata: tuple[tuple[str, str | bytes], ...]
    context: grpc.ServicerContext
    streams: bool
    returns_early: bool

    @property
    def code(self) -> grpc.StatusCode | None:
        """The status set so far, None where none was."""
        code: grpc.StatusCode | None = cast("Any", self.context).code()  # unknown to the stubs
        return code

    def code_after(self, *, raised: bool) -> grpc.StatusCode:
        """The status that the call ends with, now that its handler returned or raised."""
        if self.code is not None:
            return self.code
        if not raised:
            return grpc.StatusCode.OK
        alive = self.context.is_active()
        return grpc.StatusCode.UNKNOWN if alive else grpc.StatusCode.CANCELLED


class AroundInterceptor(grpc.ServerInterceptor):
    """An interceptor that is one context manager around the handler."""

    @abc.abstractmethod
    def around(self, call: Call) -> AbstractContextManager[None]:
        """Enter before the handler, leave after its last response or its exception."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = continuation(handler_call_details)
        if handler is None:  # no such method: gRPC answers UNIMPLEMENTED
            return None
        _, service, method = handler_call_details.method.split("/", 2)
        metadata = tuple((key, value) for key, value in handler_call_details.invocation_metadata)
        shape = ("stream" if handler.request_streaming else "unary") + (
            "_stream" if handler.response_streaming else "_unary"
        )
        inner = getattr(handler, shape)
        returns_early = bool(getattr(inner, "experimental_non_blocking", False))

        def call(context: grpc.ServicerContext) -> Call:
            return Call(
                service, method, metadata, context, handler.response_streaming, returns_early
            )

        def unary(request: Any, context: grpc.ServicerContext, *rest: Any) -> Any:
            with self.around(call(context)):
                return inner(request, context, *rest)

        def streaming(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with self.around(call(context)):
                yield from inner(request, context)

        outer = streaming if handler.response_streaming and not returns_early else unary
        copy_marks(inner, outer)
        make = getattr(grpc, f"{shape}_rpc_method_handler")
        return make(
            outer,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
