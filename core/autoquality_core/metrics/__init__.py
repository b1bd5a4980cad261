"""The metrics, one folder each, behind one interface (`base`).

To add a metric, write a package with an object that is a `Metric`, and add it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autoquality_core.metrics.base import Metric, Reference
from autoquality_core.metrics.dssim import DSSIM
from autoquality_core.metrics.ssimulacra2 import SSIMULACRA2

METRICS: Mapping[str, Metric] = MappingProxyType({one.name: one for one in (DSSIM, SSIMULACRA2)})
"""Every metric by its name."""


def limit_name(metric: Metric) -> str:
    """The field of the contract that limits the scores of a metric: `max_dssim`."""
    return f"{'max' if metric.lower_is_better else 'min'}_{metric.name}"


__all__ = ["DSSIM", "METRICS", "SSIMULACRA2", "Metric", "Reference", "limit_name"]
