"""The scores of each metric that count for training and judging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """The scores of one metric.

    Networks are judged at `targets`, with each of the allowed `errors`. `trained` is the range of
    almost every curve of a corpus, over the usual qualities. The falls of a curve matter in the
    range `usual`. `margin` is that of `Roughness` in the core; None if allowances by distance do
    not hold next to a target.
    """

    targets: tuple[float, ...]
    errors: tuple[float, float]
    trained: Range
    usual: Range
    margin: float | None = None


SCALES: Mapping[str, Scale] = {
    "dssim": Scale(
        targets=(0.005, 0.01, 0.02, 0.04),
        errors=(0.001, 0.002),
        trained=(0.002, 0.08),
        usual=(0.002, 0.06),
    ),
    "ssimulacra2": Scale(
        targets=(50.0, 70.0, 80.0, 90.0),
        errors=(1.0, 2.0),
        trained=(10.0, 95.0),
        usual=(30.0, 90.0),
        margin=0.02,  # docs/accuracy.md: `bench.oracle --margin` compares others
    ),
}
"""By the name of the metric."""
