"""Declares families of Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

M = TypeVar("M", bound=MetricWrapperBase)

SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""Buckets from a small JPEG with method NONE to the search of a large AVIF."""


def declare(
    kind: type[M],
    registry: CollectorRegistry,
    name: str,
    text: str,
    labels: Mapping[str, Iterable[str]] = {},
    **more: Any,
) -> M:
    """Register a family; `labels` has the values of each, all of which start at zero."""
    family = kind(name, text, tuple(labels), registry=registry, **more)
    for values in product(*labels.values()) if labels else ():
        family.labels(*values)
    return family
