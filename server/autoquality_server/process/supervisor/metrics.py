"""The metrics of all processes, merged into those of one server.

A process sends the samples that changed since its last reply: a registry has some thousand, and a
request changes a few dozen. Counters and histograms are summed and outlive their process. A gauge
may mean anything, so each has its own rule, and counts only while its process runs.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Rule: TypeAlias = Callable[[float, float], float]
"""Combines the values of one series in two processes."""

GAUGES: dict[str, Rule] = {
    # Amounts add up.
    "autoquality_workers": operator.add,
    "autoquality_queue_size": operator.add,
    "autoquality_requests_in_flight": operator.add,
    "autoquality_requests_queued": operator.add,
    "autoquality_pixels_in_flight": operator.add,
    "autoquality_uploads_in_flight": operator.add,
    "autoquality_processes": operator.add,
    "autoquality_processes_ready": operator.add,
    "process_virtual_memory_bytes": operator.add,
    "process_resident_memory_bytes": operator.add,
    "process_open_fds": operator.add,
    # These are the same in every process.
    "autoquality_memory_limit_bytes": max,
    "autoquality_build_info": max,
    "autoquality_predictor_info": max,
    "python_info": max,
    # The worst process counts.
    "autoquality_predictor_available": min,
    "process_max_fds": min,
    "autoquality_tls_certificate_expiry_seconds": min,
    # The server has run since its first process started: the supervisor.
    "process_start_time_seconds": min,
}

CREATED = "_created"
"""Ends the names of the times at which counters and histograms started: the earliest counts."""

_COUNTED = ("counter", "histogram", "summary")


class Series(NamedTuple):
    """Identifies one line of Prometheus' text format; `family`, `kind` and `help` describe it."""

    name: str
    labels: tuple[tuple[str, str], ...]
    family: str
    kind: str
    help: str


Samples: TypeAlias = dict[Series, float]


def samples_of(registry: CollectorRegistry) -> Samples:
    """Read the current values of a registry."""
    return {
        Series(sample.name, tuple(sample.labels.items()), one.name, one.type, one.documentation):
            sample.value
        for one in registry.collect()
        for sample in one.samples
    }  # fmt: skip


class MetricsDelta:
    """In a process: what changed in its registry since the last call."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._sent: Samples = {}

    def changes(self) -> dict[str, Any]:
        """Return a value for JSON, as `MergedMetrics.update` takes it."""
        current, sent = samples_of(self._registry), self._sent
        self._sent = current
        return {
            "changed": [
                (series, value) for series, value in current.items() if sent.get(series) != value
            ],
            "gone": [series for series in sent if series not in current],
        }


class MergedMetrics(Collector):
    """In the supervisor: collects the metrics of all processes as one server's. Thread-safe."""

    def __init__(self, own: CollectorRegistry, refresh: Callable[[], None]) -> None:
        """`own` has the supervisor's metrics; `refresh` waits until processes have sent theirs."""
        self._own = own
        self._refresh = refresh
        self._lock = threading.Lock()
        self._running: dict[int, Samples] = {}
        self._ended: Samples = {}

    def update(self, pid: int, delta: dict[str, Any]) -> None:
        with self._lock:
            samples = self._running.setdefault(pid, {})
            for series, value in delta["changed"]:
                samples[_series(series)] = value
            for series in delta["gone"]:
                del samples[_series(series)]

    def retire(self, pid: int) -> None:
        """Keep the counts of a process that has ended; forget its gauges but for their names."""
        with self._lock:
            samples = self._running.pop(pid, {})
            counts = {one: value for one, value in samples.items() if one.kind in _COUNTED}
            gauges = {
                one: 0.0 if _rule(one) is operator.add else value
                for one, value in samples.items()
                if one.kind not in _COUNTED
            }
            self._ended = {**_merged([self._ended, counts]), **gauges}

    def collect(self) -> Iterable[Metric]:
        self._refresh()
        with self._lock:
            running = _merged([samples_of(self._own), *self._running.values()])
            families = {series.family for series in running}
            ended = {
                series: value
                for series, value in self._ended.items()
                if series.kind in _COUNTED or series.family not in families
            }
        metrics: dict[str, Metric] = {}
        for series, value in _merged([running, ended]).items():
            if series.family not in metrics:
                metrics[series.family] = Metric(series.family, series.help, series.kind)
            metrics[series.family].add_sample(series.name, dict(series.labels), value)
        return metrics.values()


def _series(fields: list[Any]) -> Series:
    name, labels, *description = fields
    return Series(name, tuple((key, value) for key, value in labels), *description)


def _merged(processes: Iterable[Samples]) -> Samples:
    merged: Samples = {}
    for samples in processes:
        for series, value in samples.items():
            known = merged.get(series)
            merged[series] = value if known is None else _rule(series)(known, value)
    return merged


def _rule(series: Series) -> Rule:
    if series.kind in _COUNTED:
        return min if series.name.endswith(CREATED) else operator.add
    return GAUGES.get(series.family, operator.add)
