"""Receives the request only once the call was let in.

gRPC would read a unary request before anything else runs: whoever has no
token could send hundreds of megabytes. As a stream of one message it is read
when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc

from autoquality_server.interceptors.behavior import copy_marks


class UploadInterceptor(grpc.ServerInterceptor):
    """The innermost: what it wraps gets the whole request, what wraps it none of it."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = continuation(handler_call_details)
        if handler is None or handler.request_streaming or handler.response_streaming:
            return handler
        inner = handler.unary_unary

        def behavior(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            return inner(_receive(requests, context), context)

        copy_marks(inner, behavior)
        return grpc.stream_unary_rpc_method_handler(
            behavior,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _receive(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
    request = next(requests, None)
    if request is None:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "there must be a request message")
    return request
