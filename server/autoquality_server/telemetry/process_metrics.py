"""Prometheus metrics about the processes of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from autoquality_server.telemetry.families import declare


def process_metrics(
    registry: CollectorRegistry, processes: int, ready: Callable[[], int], causes: Iterable[str]
) -> Counter:
    """Declare them for a single process, or for those of a supervisor.

    `ready` returns how many serve now. Returns the counter of restarts by each of `causes`.
    """
    gauge = partial(declare, Gauge, registry)
    gauge("autoquality_processes", "Processes that should serve.").set(processes)
    gauge("autoquality_processes_ready", "Processes that serve now.").set_function(ready)
    return declare(
        Counter,
        registry,
        "autoquality_process_restarts_total",
        "Processes that ended unexpectedly and were replaced, by cause.",
        {"cause": causes},
    )
