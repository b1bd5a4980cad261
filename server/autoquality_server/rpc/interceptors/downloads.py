"""Sends an answer only as long as it is taken.

gRPC holds a message back until the caller has room for it. One who reads
nothing of a stream would keep a thread, and an image, for ever; one who reads
nothing of a unary answer would keep the answer, and hold up the drain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import grpc

from autoquality_server.rpc.interceptors.behavior import copy_marks
from autoquality_server.rpc.interceptors.context import current_request_id
from autoquality_server.rpc.interceptors.timer import Hourglass
from autoquality_server.telemetry.logs import log_fields, logger

TIMEOUT = "DOWNLOAD_TIMEOUT"

_log = logger(__name__)


class DownloadInterceptor(grpc.ServerInterceptor):
    """Gives callers of one service so much time for each message of an answer."""

    def __init__(self, hourglass: Hourglass, service: str, rejected: Callable[[str], None]) -> None:
        """`hourglass` runs while a message of `service` is taken.

        `rejected` is called with the reason where it ran out. Streams of other
        services may wait, as a watch on health does.
        """
        self._hourglass = hourglass
        self._service = service
        self._rejected = rejected

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(f"/{self._service}/"):
            return handler
        request = "stream" if handler.request_streaming else "unary"
        response = "stream" if handler.response_streaming else "unary"
        inner = getattr(handler, f"{request}_{response}")
        behavior = self._streamed(inner) if handler.response_streaming else self._whole(inner)
        copy_marks(inner, behavior)
        make = getattr(grpc, f"{request}_{response}_rpc_method_handler")
        return make(
            behavior,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _whole(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        """The behaviour of a method with one answer, which gRPC sends after it has returned."""

        def behavior(request: Any, context: grpc.ServicerContext) -> Any:
            answer = inner(request, context)
            self._limit(context)
            return answer

        return behavior

    def _limit(self, context: grpc.ServicerContext) -> None:
        """Cancel the call if it is not over in time."""
        request_id = current_request_id()

        def end() -> None:
            self._rejected(TIMEOUT)
            _log.warning("an answer was not taken in time", request_id=request_id, reason=TIMEOUT)
            context.cancel()

        sending = ExitStack()
        sending.enter_context(self._hourglass.turned(end))
        if not context.add_callback(sending.close):
            sending.close()

    def _streamed(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def behavior(requests: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with closing(inner(requests, context)) as messages:
                for message in messages:
                    yield from self._sent(message, context)

        return behavior

    def _sent(self, message: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with self._hourglass.turned(context.cancel) as ran_out:
            try:
                yield message
            finally:
                if ran_out():
                    self._rejected(TIMEOUT)
                    log_fields(reason=TIMEOUT)
