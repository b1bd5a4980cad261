"""The metrics, one folder each, behind one interface (`base`).

To add a metric, write a package with an object that is a `Metric`, and add it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from autoquality_core.metrics.base import Metric, Reference
from autoquality_core.metrics.dssim import DSSIM

METRICS: Mapping[str, Metric] = MappingProxyType({one.name: one for one in (DSSIM,)})
"""Every metric by its name."""

__all__ = ["DSSIM", "METRICS", "Metric", "Reference"]
