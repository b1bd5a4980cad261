"""What happens around every call.

    returned_id    returns the request id
    watching       finds calls that go on after their caller left
    traced         a span for the call, if traces are on
    recorded       counts the call, measures it, writes its log line
    translated     turns exceptions into the status that the caller sees
    identified     refuses callers without a valid identity
    rate_limited   refuses callers that call too often
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

from autoquality_server.auth.identity import Identify
from autoquality_server.auth.rates import Rates
from autoquality_server.rpc.interceptors.call import CallInterceptor
from autoquality_server.rpc.interceptors.downloads import Downloads
from autoquality_server.rpc.interceptors.errors import translated
from autoquality_server.rpc.interceptors.layers import (
    identified,
    rate_limited,
    recorded,
    returned_id,
)
from autoquality_server.rpc.interceptors.timer import TimeoutTimer
from autoquality_server.rpc.interceptors.tracing import traced
from autoquality_server.rpc.request_context import RequestContext
from autoquality_server.rpc.watchdog import Watchdog
from autoquality_server.telemetry.rpc_metrics import RpcMetrics

if TYPE_CHECKING:  # imports OpenTelemetry, which a server without traces does not need
    from autoquality_server.telemetry.traces import Traces


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
    traces: Traces | None = None,
) -> list[grpc.ServerInterceptor]:
    """The interceptors of a server whose own service is `service`.

    `rejected` is called with the reason of each error that a caller gets. `identify` is called
    for all calls except those of `open_services`. `uploads` limits the time to receive a request,
    `downloads` the time to take a response of `service`.
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
            identified(identify, open_services, request),
            rate_limited(rates, request) if own else nullcontext(),
        ):
            yield

    return [CallInterceptor(layers, uploads, Downloads(downloads, rejected), service)]


def open_interceptors(
    rpc_metrics: RpcMetrics, rejected: Callable[[str], None], uploads: TimeoutTimer
) -> list[grpc.ServerInterceptor]:
    """As `interceptors`, for a server that anyone may call and that has no service of its own."""

    @contextmanager
    def layers(request: RequestContext) -> Iterator[None]:
        with returned_id(request), recorded(rpc_metrics, request), translated(rejected, request):
            yield

    return [CallInterceptor(layers, uploads)]


__all__ = ["interceptors", "open_interceptors"]
