"""The small layers around every call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from autoquality_core.runtime.context import clock
from autoquality_server.auth.identity import Identify
from autoquality_server.auth.rates import Rates
from autoquality_server.rpc.request_context import REQUEST_ID_KEY, RequestContext
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.rpc_metrics import RpcMetrics

_DEFECTS = frozenset({grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS})
_OURS = "autoquality."

_log = logger(__name__)


@contextmanager
def returned_id(request: RequestContext) -> Iterator[None]:
    """Return the request id to the caller.

    The trailing metadata always has it. The initial metadata has it with a result
    only: a client that has seen initial metadata no longer retries the call.
    """
    metadata = ((REQUEST_ID_KEY, request.id),)
    request.call.set_trailing_metadata(metadata)
    yield
    if not request.streams and request.call.is_active():
        request.call.send_initial_metadata(metadata)


@contextmanager
def recorded(metrics: RpcMetrics, request: RequestContext) -> Iterator[None]:
    """Count the call, measure it and write its log line."""
    peer = request.call.peer()

    def record(code: grpc.StatusCode) -> None:
        seconds = clock() - request.started
        metrics.handled(request.service, request.method, code, seconds)
        if code in _DEFECTS:
            write = _log.error
        elif request.service.startswith(_OURS):
            write = _log.info
        else:  # health checks and the like come every few seconds
            write = _log.debug
        write("request", code=code.name, duration_seconds=round(seconds, 6), peer=peer)

    def record_end() -> None:
        with request.active():
            record(request.code or grpc.StatusCode.CANCELLED)

    metrics.started(request.service, request.method)
    if request.returns_early:
        request.call.add_callback(record_end)
        yield
        return
    try:
        yield
    except BaseException:
        record(request.code_after(raised=True))
        raise
    record(request.code_after(raised=False))


@contextmanager
def identified(
    identify: Identify, open_services: frozenset[str], request: RequestContext
) -> Iterator[None]:
    """Let in callers that prove their identity, and everyone to `open_services`."""
    if request.service not in open_services:
        request.caller = identify(request.metadata, request.call)
        request.attributes["caller"] = request.caller
    yield


@contextmanager
def rate_limited(rates: Rates, request: RequestContext) -> Iterator[None]:
    """Refuse callers that call more often than they may."""
    rates.take(request.caller, 1)
    yield
