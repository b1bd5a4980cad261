"""What happens around every call, whatever it does.

    context    the request id, in and out
    watch      finds calls that go on though nobody waits
    tracing    its span, where traces are on
    telemetry  counts it, times it, writes its line in the log
    errors     turns what was raised into what the caller may see
    access     lets in whoever may call
    rates      refuses whoever calls too often
    downloads  sends what is a stream, as long as it is taken
    uploads    receives the request

In this order, the first outermost: the line in the log has the numbers of
request and trace, the status that is counted is the one that the caller gets, and nothing is
received of strangers and of whoever calls too often.
"""

from __future__ import annotations

from collections.abc import Callable

import grpc

from autoquality_server.auth.identity import Identify
from autoquality_server.rpc.interceptors.access import AccessInterceptor
from autoquality_server.rpc.interceptors.context import RequestContextInterceptor
from autoquality_server.rpc.interceptors.downloads import DownloadInterceptor
from autoquality_server.rpc.interceptors.errors import ErrorInterceptor
from autoquality_server.rpc.interceptors.rates import RateInterceptor
from autoquality_server.rpc.interceptors.telemetry import TelemetryInterceptor
from autoquality_server.rpc.interceptors.timer import Hourglass
from autoquality_server.rpc.interceptors.tracing import TracingInterceptor
from autoquality_server.rpc.interceptors.uploads import UploadInterceptor
from autoquality_server.rpc.interceptors.watch import WatchInterceptor
from autoquality_server.telemetry.rpc_metrics import RpcMetrics


def interceptors(
    watch: WatchInterceptor,
    rpc_metrics: RpcMetrics,
    rejected: Callable[[str], None],
    identify: Identify,
    open_services: frozenset[str],
    rate: RateInterceptor,
    uploads: Hourglass,
    downloads: Hourglass,
    service: str,
    tracing: TracingInterceptor | None = None,
) -> list[grpc.ServerInterceptor]:
    """Every interceptor.

    `rejected` is called with the reason of each error that is told; `identify`
    for every call but those of `open_services`; `uploads` runs while a request
    is received, `downloads` while a message of a stream of `service` is sent;
    without `tracing` there are no traces.
    """
    return [
        RequestContextInterceptor(),
        watch,
        *([tracing] if tracing else []),
        TelemetryInterceptor(rpc_metrics),
        ErrorInterceptor(rejected),
        AccessInterceptor(identify, open_services),
        rate,
        DownloadInterceptor(downloads, service, rejected),
        UploadInterceptor(uploads, service),
    ]


def open_interceptors(
    rpc_metrics: RpcMetrics, rejected: Callable[[str], None], uploads: Hourglass
) -> list[grpc.ServerInterceptor]:
    """As `interceptors`, for calls that anybody may make."""
    return [
        RequestContextInterceptor(),
        TelemetryInterceptor(rpc_metrics),
        ErrorInterceptor(rejected),
        UploadInterceptor(uploads),
    ]


__all__ = ["interceptors", "open_interceptors"]
