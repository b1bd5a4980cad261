"""What happens around every call.

    returned_id    returns the request id
    watching       finds calls that go on after their caller left
    traced         a span for the call, if traces are on
    recorded       counts the call, measures it, writes its log line
    translated     turns exceptions into the status that the caller sees
    identify       refuses callers without a valid identity
    rates          refuses callers that call too often
    downloads      cancels calls whose answer is not taken
    uploads        receives the request

In this order, the first is the outermost. So the log line has the ids of request and trace. The
counted status is that of the answer. A caller that is refused sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import grpc

from autoquality_core.runtime.context import clock
from autoquality_server.auth.identity import Identify
from autoquality_server.auth.rates import Rates
from autoquality_server.rpc.executor import CallExecutor
from autoquality_server.rpc.interceptors.call import CallInterceptor
from autoquality_server.rpc.interceptors.errors import translated
from autoquality_server.rpc.interceptors.tracing import traced
from autoquality_server.rpc.interceptors.transfers import Downloads, TimeoutTimer
from autoquality_server.rpc.request_context import REQUEST_ID_KEY, RequestContext
from autoquality_server.rpc.watchdog import Watchdog
from autoquality_server.telemetry.logs import logger
from autoquality_server.telemetry.rpc_metrics import RpcMetrics

if TYPE_CHECKING:  # imports OpenTelemetry, which a server without traces does not need
    from autoquality_server.telemetry.traces import Traces

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


def interceptors(
    service: str,
    *,
    watchdog: Watchdog,
    rpc_metrics: RpcMetrics,
    rejected: Callable[[str], None],
    identify: Identify,
    open_services: frozenset[str],
    rates: Rates,
    uploads: TimeoutTimer,
    downloads: TimeoutTimer,
    checks: TimeoutTimer,
    pool: CallExecutor,
    traces: Traces | None = None,
) -> list[grpc.ServerInterceptor]:
    """The interceptors of a server whose own service is `service`.

    `rejected` is called with the reason of each error that a caller gets. `identify` is called
    for all calls except those of `open_services`. `uploads` limits the time to receive a request of
    `service`, `downloads` the time to take a response of it, and `checks` the time to receive a
    request of another service. `pool` has the threads of the server.
    """

    @contextmanager
    def layers(request: RequestContext) -> Iterator[None]:
        own = request.service == service
        with (
            returned_id(request),
            watchdog.watching(request) if own else nullcontext(),
            traced(traces, request) if own and traces else nullcontext(),
            recorded(rpc_metrics, request),
            translated(rejected, request),
        ):
            if request.service not in open_services:
                request.caller = identify(request.metadata, request.call)
                request.attributes["caller"] = request.caller
            if own:
                rates.take(request.caller, 1)
            yield

    sent = Downloads(downloads, rejected)
    return [CallInterceptor(layers, uploads, checks, service, sent, pool)]


def open_interceptors(
    rpc_metrics: RpcMetrics, rejected: Callable[[str], None], checks: TimeoutTimer
) -> list[grpc.ServerInterceptor]:
    """As `interceptors`, for a server that anyone may call and that has no service of its own."""

    @contextmanager
    def layers(request: RequestContext) -> Iterator[None]:
        with returned_id(request), recorded(rpc_metrics, request), translated(rejected, request):
            yield

    return [CallInterceptor(layers, checks, checks)]
