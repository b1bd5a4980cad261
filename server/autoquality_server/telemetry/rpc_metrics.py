"""The standard `grpc_server_*` metrics."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import CollectorRegistry, Counter, Histogram

from autoquality_server.telemetry.families import SECONDS

_LABELS = ("grpc_type", "grpc_service", "grpc_method")
_TYPES = {
    (False, False): "unary",
    (True, False): "client_stream",
    (False, True): "server_stream",
    (True, True): "bidi_stream",
}
"""By whether the client and the server stream."""


class RpcMetrics:
    """Calls started and handled, by method; codes have their canonical names."""

    def __init__(self, registry: CollectorRegistry, services: Iterable[ServiceDescriptor]) -> None:
        """Start at zero for every method of `services` and every code."""
        self._started = Counter(
            "grpc_server_started_total", "Calls started.", _LABELS, registry=registry
        )
        self._handled = Counter(
            "grpc_server_handled_total",
            "Calls completed, with any status.",
            (*_LABELS, "grpc_code"),
            registry=registry,
        )
        self._seconds = Histogram(
            "grpc_server_handling_seconds",
            "Time from the start of a call to its status, including the upload.",
            _LABELS,
            buckets=SECONDS,
            registry=registry,
        )
        self._labels = {
            (service.full_name, one.name): (
                _TYPES[one.client_streaming, one.server_streaming],
                *(service.full_name, one.name),
            )
            for service in services
            for one in service.methods
        }
        for labels in self._labels.values():
            self._started.labels(*labels)
            self._seconds.labels(*labels)
            for code in grpc.StatusCode:
                self._handled.labels(*labels, code.name)

    def started(self, service: str, method: str) -> None:
        self._started.labels(*self._labels[service, method]).inc()

    def handled(self, service: str, method: str, code: grpc.StatusCode, seconds: float) -> None:
        labels = self._labels[service, method]
        self._handled.labels(*labels, code.name).inc()
        self._seconds.labels(*labels).observe(seconds)
