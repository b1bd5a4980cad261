"""One number that a bench found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Better = Literal["lower", "higher", "neither"]

PORTABLE = ("x", "encodings", "share")
"""Units that mean the same on any machine: ratios, counts, shares."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A median (or what `what` says) with its quartiles.

    `what` is measured, of `by` (a method, a tool, a stage), under `setting`
    (mostly an encoder's) and towards `goal`; the four name it. `wanted` is the
    limit that it should keep to, on the side that `better` says.
    """

    what: str
    by: str
    setting: str
    goal: str
    value: float
    low: float
    high: float
    unit: str
    better: Better = "lower"
    count: int = 1
    wanted: float | None = None

    @property
    def name(self) -> tuple[str, str, str, str]:
        return self.what, self.by, self.setting, self.goal

    @property
    def title(self) -> str:
        """The name for people."""
        return ", ".join(part for part in self.name if part)

    @property
    def portable(self) -> bool:
        """Whether it can be compared between machines."""
        return self.unit in PORTABLE

    @property
    def kept(self) -> bool | None:
        """Whether the limit is kept; None where there is none."""
        if self.wanted is None:
            return None
        return self.value >= self.wanted if self.better == "higher" else self.value <= self.wanted


def spread_of(values: Sequence[float], *, mean: bool = False) -> tuple[float, float, float]:
    """The median (or the mean) of some numbers and their quartiles, to five digits."""
    low, median, high = np.percentile(values, [25, 50, 75])
    middle = np.mean(values) if mean else median
    return short(float(middle)), short(float(low)), short(float(high))


def short(value: float) -> float:
    """Five significant digits: more than any bench can tell."""
    return float(f"{float(value):.5g}")
