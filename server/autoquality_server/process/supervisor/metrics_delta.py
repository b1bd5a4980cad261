"""The metrics of one process, as what has changed since they were last told.

A registry has some thousand samples, of which a request moves a few dozen: the
first telling describes each, later ones name those that moved by their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

Labels: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Series:
    """One line of what Prometheus reads, without its value; `family` and below describe it."""

    name: str
    labels: Labels
    family: str = field(compare=False)
    kind: str = field(compare=False)
    help: str = field(compare=False)


class Teller:
    """Tells the changes of a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._numbers: dict[tuple[str, Labels], int] = {}
        self._values: dict[int, float] = {}

    def changes(self) -> dict[str, Any]:
        """What `Numbers.learn` takes."""
        new: list[list[Any]] = []
        values: list[tuple[int, float]] = []
        here: set[int] = set()
        for metric in self._registry.collect():
            for sample in metric.samples:
                key = (sample.name, tuple(sample.labels.items()))
                number = self._numbers.setdefault(key, len(self._numbers))
                here.add(number)
                if number not in self._values:
                    new.append([number, *_described(metric, *key)])
                if self._values.get(number) != sample.value:
                    self._values[number] = sample.value
                    values.append((number, sample.value))
        gone = self._values.keys() - here
        for number in gone:
            del self._values[number]
        return {"new": new, "values": values, "gone": sorted(gone)}


def _described(metric: Metric, name: str, labels: Labels) -> tuple[Any, ...]:
    return name, labels, metric.name, metric.type, metric.documentation


class Numbers:
    """The metrics of one process as far as they were told, in their order."""

    def __init__(self) -> None:
        self._series: dict[int, Series] = {}
        self.values: dict[Series, float] = {}

    def learn(self, changes: dict[str, Any]) -> None:
        for number, name, labels, *description in changes["new"]:
            pairs = tuple((key, value) for key, value in labels)
            self._series[number] = Series(name, pairs, *description)
        for number, value in changes["values"]:
            self.values[self._series[number]] = value
        for number in changes["gone"]:
            del self.values[self._series[number]]


def numbers_of(registry: CollectorRegistry) -> Numbers:
    """The metrics of this process itself."""
    numbers = Numbers()
    numbers.learn(Teller(registry).changes())
    return numbers
