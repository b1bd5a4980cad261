"""The standard `grpc_server_*` metrics."""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from prometheus_client import CollectorRegistry, Counter, Histogram

from autoquality_server.telemetry.buckets import SECONDS

_LABELS = ("grpc_type", "grpc_service", "grpc_method")


class RpcMetrics:
    """Calls started and handled, by method; codes have their canonical names."""

    def __init__(self, registry: CollectorRegistry, services: Iterable[ServiceDescriptor]) -> None:
        """Start at zero for every method of `services` and every code."""
        self._started = Counter(
            "grpc_server_started_total", "Calls started.", _LABELS, registry=registry
        )
        self._handled = Counter(
            "grpc_server_handled_total",
            "Calls completed, whatever their status.",
            (*_LABELS, "grpc_code"),
            registry=registry,
        )
        self._seconds = Histogram(
            "grpc_server_handling_seconds",
            "Time from a call's beginning to its status, receiving the request included.",
            _LABELS,
            buckets=SECONDS,
            registry=registry,
        )
        self._types: dict[tuple[str, str], str] = {}
        for service in services:
            for method in service.methods:
                self._types[service.full_name, method.name] = _type_of(method)
                labels = (_type_of(method), service.full_name, method.name)
                self._started.labels(*labels)
                self._seconds.labels(*labels)
                for code in grpc.StatusCode:
                    self._handled.labels(*labels, code.name)

    def started(self, service: str, method: str) -> None:
        """Count a call that begins."""
        self._started.labels(*self._labels(service, method)).inc()

    def handled(self, service: str, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """Count a call that ended."""
        labels = self._labels(service, method)
        self._handled.labels(*labels, code.name).inc()
        self._seconds.labels(*labels).observe(seconds)

    def _labels(self, service: str, method: str) -> tuple[str, str, str]:
        return self._types[service, method], service, method


def _type_of(method: MethodDescriptor) -> str:
    streams = (method.client_streaming, method.server_streaming)
    return {
        (False, False): "unary",
        (True, False): "client_stream",
        (False, True): "server_stream",
        (True, True): "bidi_stream",
    }[streams]
