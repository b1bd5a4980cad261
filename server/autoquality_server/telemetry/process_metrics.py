"""How many processes serve, and what ended others, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge


class ProcessMetrics:
    """A server's processes: one on its own, or those of a supervisor."""

    def __init__(
        self,
        registry: CollectorRegistry,
        processes: int,
        ready: Callable[[], int],
        causes: Iterable[str],
    ) -> None:
        """`ready` tells how many serve now; `causes` are all that `ended` may be told."""
        Gauge(
            "autoquality_processes", "Processes that serve when all is well.", registry=registry
        ).set(processes)
        Gauge(
            "autoquality_processes_ready", "Processes that serve now.", registry=registry
        ).set_function(ready)
        self._restarts = Counter(
            "autoquality_process_restarts_total",
            "Processes that ended unasked and were replaced, by why they ended.",
            ("cause",),
            registry=registry,
        )
        for cause in causes:
            self._restarts.labels(cause)

    def ended(self, cause: str) -> None:
        """Count a process that is replaced."""
        self._restarts.labels(cause).inc()
