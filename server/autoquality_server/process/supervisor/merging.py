"""The metrics of all processes as those of one server.

Counters and histograms go on over a process's end with what it had told; gauges
are those of the processes that are there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from autoquality_server.process.supervisor.metrics_delta import Numbers, Series, numbers_of
from autoquality_server.process.supervisor.rules import CREATED, GAUGES, Rule

_COUNTED = ("counter", "histogram", "summary")


class Merged(Collector):
    """Gives Prometheus one server's metrics. Thread-safe."""

    def __init__(self, own: CollectorRegistry, refresh: Callable[[], None]) -> None:
        """`own` are the supervisor's metrics; `refresh` waits until processes have told theirs."""
        self._own = own
        self._refresh = refresh
        self._lock = threading.Lock()
        self._living: dict[int, Numbers] = {}
        self._past: dict[Series, float] = {}

    def learn(self, pid: int, changes: dict[str, list[list[object]]]) -> None:
        """Take what a process has told."""
        with self._lock:
            self._living.setdefault(pid, Numbers()).learn(changes)

    def bury(self, pid: int) -> None:
        """Keep what counts of a process that has ended."""
        with self._lock:
            numbers = self._living.pop(pid, None)
            if numbers is None:
                return
            for series, value in numbers.values.items():
                if series.kind in _COUNTED:
                    values = (value, *_maybe(self._past.get(series)))
                    self._past[series] = _rule_of(series)(values)
                else:  # known while nobody tells it
                    self._past[series] = 0.0 if _rule_of(series) is sum else value

    def collect(self) -> Iterable[Metric]:
        self._refresh()
        own = numbers_of(self._own)
        with self._lock:
            present = [own, *self._living.values()]
            found = _Found()
            for numbers in present:
                for series, value in numbers.values.items():
                    found.add(series, value)
            told = set(found.families)
            for series, value in self._past.items():
                if series.kind in _COUNTED or series.family not in told:
                    found.add(series, value)
        return found.metrics()


@dataclass
class _Found:
    """Values by series, by family, in the order in which they were found."""

    families: dict[str, dict[Series, list[float]]] = field(default_factory=dict)

    def add(self, series: Series, value: float) -> None:
        self.families.setdefault(series.family, {}).setdefault(series, []).append(value)

    def metrics(self) -> list[Metric]:
        metrics = []
        for family in self.families.values():
            first = next(iter(family))
            metric = Metric(first.family, first.help, first.kind)
            for series, values in family.items():
                metric.add_sample(series.name, dict(series.labels), _rule_of(series)(values))
            metrics.append(metric)
        return metrics


def _rule_of(series: Series) -> Rule:
    if series.kind in _COUNTED:
        return min if series.name.endswith(CREATED) else sum
    return GAUGES.get(series.family, sum)


def _maybe(value: float | None) -> tuple[float, ...]:
    return () if value is None else (value,)
