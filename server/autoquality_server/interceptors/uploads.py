"""Receives the request only once the call was let in, and only for so long.

gRPC would read a unary request before anything else runs: whoever has no
token could send hundreds of megabytes, and whoever sends nothing would hold a
thread. As a stream of one message it is read when it is asked for. Of what is
a stream in the contract, the whole has to arrive in that time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

import grpc

from autoquality_server.errors import UploadTooSlow
from autoquality_server.interceptors.behavior import copy_marks
from autoquality_server.interceptors.hourglass import Hourglass
from autoquality_server.stages import stage


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
        if handler.request_streaming:
            ours = handler_call_details.method.split("/")[1] == self._service
            return self._streamed(handler) if ours else handler
        shape = "stream" if handler.response_streaming else "unary"
        inner = getattr(handler, f"unary_{shape}")

        def behavior(requests: Iterator[Any], context: grpc.ServicerContext, *rest: Any) -> Any:
            return inner(self._receive(requests, context), context, *rest)

        copy_marks(inner, behavior)
        make = getattr(grpc, f"stream_{shape}_rpc_method_handler")
        return make(
            behavior,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _streamed(self, handler: Any) -> Any:
        """The handler of a method that is a stream in both directions."""
        inner = handler.stream_stream

        def behavior(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            with closing(self._parts(requests, context)) as parts:
                yield from inner(parts, context)

        return grpc.stream_stream_rpc_method_handler(
            behavior,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _parts(
        self, requests: Iterator[Any], context: grpc.ServicerContext
    ) -> Generator[Any, None, None]:
        with self._hourglass.turned(context.cancel) as ran_out:
            try:
                yield from requests
            except grpc.RpcError:
                if not ran_out():
                    raise
            # What is cut off ends like what is complete, or raises: see below.
            if ran_out():
                raise UploadTooSlow

    def _receive(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        with stage("receive"), self._hourglass.turned(context.cancel) as ran_out:
            try:
                request = next(requests, None)
            except grpc.RpcError:
                if not ran_out():
                    raise
                request = None
        # A call that is cancelled while it is read looks like one that ended, or raises:
        # it depends on which of the two gRPC hears of first.
        if request is None and ran_out():
            raise UploadTooSlow
        if request is None:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "there must be a request message")
        return request
