"""Sends a streamed answer only as long as it is taken.

gRPC holds a message back until the caller has room for it: one who reads
nothing would keep a thread, and an image, for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import grpc

from autoquality_server.interceptors.hourglass import Hourglass
from autoquality_server.telemetry.logs import log_fields

TOO_SLOW = "DOWNLOAD_TOO_SLOW"


class DownloadInterceptor(grpc.ServerInterceptor):
    """Gives callers of the streams of one service so much time for each message."""

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
        ours = handler_call_details.method.startswith(f"/{self._service}/")
        if handler is None or not ours or not handler.response_streaming:
            return handler
        inner = handler.stream_stream

        def behavior(requests: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
            with closing(inner(requests, context)) as messages:
                for message in messages:
                    yield from self._sent(message, context)

        return grpc.stream_stream_rpc_method_handler(
            behavior,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _sent(self, message: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        with self._hourglass.turned(context.cancel) as ran_out:
            try:
                yield message
            finally:
                if ran_out():
                    self._rejected(TOO_SLOW)
                    log_fields(reason=TOO_SLOW)
