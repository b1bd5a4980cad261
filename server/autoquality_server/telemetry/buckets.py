"""Histogram buckets that several metrics share."""

from __future__ import annotations

SECONDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""From a small JPEG at method none to a large AVIF's search."""
