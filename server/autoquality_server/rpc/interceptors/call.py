"""A single gRPC interceptor that runs every call within its layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc

from autoquality_core.errors import Overloaded
from autoquality_server.rpc.executor import CallExecutor, InlineExecutor
from autoquality_server.rpc.interceptors.transfers import (
    Downloads,
    TimeoutTimer,
    decoder,
    receive_message,
    receive_messages,
    receive_until_idle,
)
from autoquality_server.rpc.request_context import RequestContext

Layer = Callable[[RequestContext], AbstractContextManager[None]]
"""Is entered before the handler, and left after its last response or its exception."""

LARGEST_CHECK = 4 * 2**10
"""Bytes of a message to services other than our own: health checks, reflection, channelz."""

# gRPC reads these from the behaviour itself, so a wrapper needs them too.
_POOL = "experimental_thread_pool"
_MARKS = (_POOL, "experimental_non_blocking")

_REFUSING = InlineExecutor()
_RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class CallInterceptor(grpc.ServerInterceptor):
    """Receives the request inside of all layers: no byte of it is read before they let it in.

    `uploads` limits the requests of `service`, `downloads` its answers and all streams. `checks`
    limits the requests of other services. A stream of requests, as that of reflection, ends when
    no message arrives in this time. `pool` has the threads of the server, for methods without
    dedicated ones.
    """

    layers: Layer
    uploads: TimeoutTimer
    checks: TimeoutTimer
    service: str = ""
    downloads: Downloads | None = None
    pool: CallExecutor | None = None

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
        shape = "stream" if handler.response_streaming else "unary"
        inner = getattr(handler, f"{'stream' if handler.request_streaming else 'unary'}_{shape}")
        returns_early = bool(getattr(inner, "experimental_non_blocking", False))
        new_request = functools.partial(
            RequestContext,
            service=service,
            method=method,
            metadata=metadata,
            streams=handler.response_streaming,
            returns_early=returns_early,
        )

        pool: CallExecutor | None = getattr(inner, _POOL, self.pool)
        if pool and pool.is_full:
            return self._refusal(new_request)
        own, downloads = service == self.service, self.downloads
        receive = self._receiver(handler, method, own=own)

        @contextmanager
        def entered(
            requests: Iterator[bytes], call: grpc.ServicerContext
        ) -> Iterator[tuple[RequestContext, Any]]:
            """The call within its layers, and its message or messages."""
            request = new_request(call)
            # No ExitStack: it keeps an error in a reference cycle, and with it the call, whose
            # stream gRPC counts as open until the next garbage collection.
            with request.active(), self.layers(request):
                received = receive(request, requests)
                if handler.request_streaming:
                    with closing(received):
                        yield request, received
                else:
                    yield request, received

        def unary(requests: Iterator[bytes], call: grpc.ServicerContext, *rest: Any) -> Any:
            with entered(requests, call) as (request, received):
                response = inner(received, call, *rest)
                if own and downloads:
                    downloads.limit(request)
                return response

        def streaming(requests: Iterator[bytes], call: grpc.ServicerContext) -> Iterator[Any]:
            with entered(requests, call) as (request, received):
                messages = inner(received, call)
                yield from downloads.limited(request, messages) if downloads else messages

        behavior = streaming if handler.response_streaming and not returns_early else unary
        for mark in _MARKS:
            if hasattr(inner, mark):
                setattr(behavior, mark, getattr(inner, mark))
        # As a stream, even of one message, the request is read when it is asked for.
        make = getattr(grpc, f"stream_{shape}_rpc_method_handler")
        return make(behavior, response_serializer=handler.response_serializer)

    def _receiver(
        self, handler: Any, method: str, *, own: bool
    ) -> Callable[[RequestContext, Iterator[bytes]], Any]:
        """A function that receives the message of a call, or a generator of its messages."""
        decode = decoder(method, handler.request_deserializer, None if own else LARGEST_CHECK)
        timer = self.uploads if own else self.checks
        how = receive_message
        if handler.request_streaming:
            how = receive_messages if own else receive_until_idle
        return lambda request, requests: how(request, requests, decode, timer)

    def _refusal(self, new_request: Callable[[grpc.ServicerContext], RequestContext]) -> Any:
        """A handler of any method that refuses a call without a wait for a thread."""

        def refused(_: Iterator[bytes], call: grpc.ServicerContext) -> NoReturn:
            request = new_request(call)
            with request.active(), self.layers(request):
                raise Overloaded("too many calls wait for a thread", _RETRY_SECONDS)

        setattr(refused, _POOL, _REFUSING)
        return grpc.stream_unary_rpc_method_handler(refused)
