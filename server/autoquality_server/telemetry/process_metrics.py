"""Prometheus metrics about the processes of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge


class ProcessMetrics:
    """The processes of a server: a single one, or those of a supervisor."""

    def __init__(
        self,
        registry: CollectorRegistry,
        processes: int,
        ready: Callable[[], int],
        causes: Iterable[str],
    ) -> None:
        """`ready` returns how many serve now; `causes` are the possible arguments of `ended`."""
        Gauge("autoquality_processes", "Processes that should serve.", registry=registry).set(
            processes
        )
        Gauge(
            "autoquality_processes_ready", "Processes that serve now.", registry=registry
        ).set_function(ready)
        self._restarts = Counter(
            "autoquality_process_restarts_total",
            "Processes that ended unexpectedly and were replaced, by cause.",
            ("cause",),
            registry=registry,
        )
        for cause in causes:
            self._restarts.labels(cause)

    def ended(self, cause: str) -> None:
        """Count a process that has to be replaced."""
        self._restarts.labels(cause).inc()
