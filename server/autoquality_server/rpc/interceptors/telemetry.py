"""Counts each call, times it, and writes its one line in the log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from autoquality_server.rpc.interceptors.behavior import AroundInterceptor, Call
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.rpc_metrics import RpcMetrics

_log = logger(__name__)

_DEFECTS = frozenset({grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS})
_OURS = "autoquality."


class TelemetryInterceptor(AroundInterceptor):
    """The line has what the service adds by `log_fields`."""

    def __init__(self, metrics: RpcMetrics) -> None:
        self._metrics = metrics

    @contextmanager
    def around(self, call: Call) -> Iterator[None]:
        started, peer = time.monotonic(), call.context.peer()

        def ended(code: grpc.StatusCode) -> None:
            self._ended(call, code, time.monotonic() - started, peer)

        self._metrics.started(call.service, call.method)
        if call.returns_early:
            # Such a call goes on after its handler, until the caller ends it.
            call.context.add_callback(lambda: ended(call.code or grpc.StatusCode.CANCELLED))
            yield
            return
        try:
            yield
        except BaseException:
            ended(call.code_after(raised=True))
            raise
        ended(call.code_after(raised=False))

    def _ended(self, call: Call, code: grpc.StatusCode, seconds: float, peer: str) -> None:
        self._metrics.handled(call.service, call.method, code, seconds)
        if code in _DEFECTS:
            write = _log.error
        elif call.service.startswith(_OURS):
            write = _log.info
        else:  # health checks and the like come every few seconds
            write = _log.debug
        write(
            "request",
            rpc=f"{call.service}/{call.method}",
            code=code.name,
            duration_seconds=round(seconds, 6),
            peer=peer,
        )
