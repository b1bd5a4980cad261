"""A single gRPC interceptor that runs every call within its layers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from traceback import clear_frames
from typing import Any

import grpc

from autoquality_server.rpc.interceptors.downloads import Downloads
from autoquality_server.rpc.interceptors.timer import TimeoutTimer
from autoquality_server.rpc.interceptors.uploads import decoder, receive_message, receive_messages
from autoquality_server.rpc.request_context import RequestContext

Layer = Callable[[RequestContext], AbstractContextManager[None]]
"""Is entered before the handler, and left after its last response or its exception."""

# gRPC reads these from the behaviour itself, so a wrapper needs them too.
_MARKS = ("experimental_thread_pool", "experimental_non_blocking")


class CallInterceptor(grpc.ServerInterceptor):
    """Receives the request inside of all layers: no byte of it is read before they let it in."""

    def __init__(
        self,
        layers: Sequence[Layer],
        uploads: TimeoutTimer,
        downloads: Downloads | None = None,
        service: str = "",
    ) -> None:
        """The first of `layers` is the outermost.

        `uploads` limits unary requests, and streams of `service`; `downloads` limits the answers
        of `service`. Other streams may stay open, as those of reflection and health watches do.
        """
        self._layers = layers
        self._service = service
        self._uploads = uploads
        self._downloads = downloads

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
        requests_shape = "stream" if handler.request_streaming else "unary"
        responses_shape = "stream" if handler.response_streaming else "unary"
        inner = getattr(handler, f"{requests_shape}_{responses_shape}")
        returns_early = bool(getattr(inner, "experimental_non_blocking", False))
        decode = decoder(method, handler.request_deserializer)
        own = service == self._service
        downloads = self._downloads if own else None
        new_request = functools.partial(
            RequestContext,
            service=service,
            method=method,
            metadata=metadata,
            streams=handler.response_streaming,
            returns_early=returns_early,
        )

        @contextmanager
        def entered(
            requests: Iterator[bytes], call: grpc.ServicerContext
        ) -> Iterator[tuple[RequestContext, Any]]:
            """The call within its layers, and its message or messages."""
            request = new_request(call)
            with ExitStack() as stack:
                stack.enter_context(request.active())
                for layer in self._layers:
                    stack.enter_context(layer(request))
                if handler.request_streaming:
                    timer = self._uploads if own else None
                    messages = receive_messages(request, requests, decode, timer)
                    yield request, stack.enter_context(closing(messages))
                else:
                    yield request, receive_message(request, requests, decode, self._uploads)

        def unary(requests: Iterator[bytes], call: grpc.ServicerContext, *rest: Any) -> Any:
            with _without_cycles(), entered(requests, call) as (request, received):
                response = inner(received, call, *rest)
                if downloads:
                    downloads.limit(request)
                return response

        def streaming(requests: Iterator[bytes], call: grpc.ServicerContext) -> Iterator[Any]:
            with _without_cycles(), entered(requests, call) as (request, received):
                messages = inner(received, call)
                yield from downloads.limited(request, messages) if downloads else messages

        behavior = streaming if handler.response_streaming and not returns_early else unary
        for mark in _MARKS:
            if hasattr(inner, mark):
                setattr(behavior, mark, getattr(inner, mark))
        # As a stream, even of one message, the request is read when it is asked for.
        make = getattr(grpc, f"stream_{responses_shape}_rpc_method_handler")
        return make(behavior, response_serializer=handler.response_serializer)


@contextmanager
def _without_cycles() -> Iterator[None]:
    """Clear the frames of an exception that leaves the body.

    ExitStack makes cycles between an exception and its frames. They would keep the call until the
    garbage collector runs, and gRPC refuses new calls of a connection with many such calls.
    """
    try:
        yield
    except BaseException as error:
        cause: BaseException | None = error
        while cause is not None:
            clear_frames(cause.__traceback__)
            cause = cause.__context__
        raise
