"""The interface of goals: which probe is the best answer, and which qualities may still beat it.

`acquisition` decides which quality to try next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from autoquality_core.runtime.arrays import Bools, Doubles
from autoquality_core.search.bounds import Interval
from autoquality_core.types import Outcome

_CDF_AT = np.linspace(-6, 6, 6001)
_CDF = np.array([0.5 * math.erfc(-at / math.sqrt(2)) for at in _CDF_AT])


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one quality; `score` is None if nothing was measured.

    `others` are scores by further metrics, which only limits are set for.
    """

    quality: int
    size_bytes: int
    score: float | None = None
    others: tuple[float, ...] = ()

    @property
    def measured(self) -> float:
        """The score. Raises ValueError if nothing was measured."""
        if self.score is None:
            raise ValueError(f"quality {self.quality} was not measured")
        return self.score


class Scale(Protocol):
    """How a metric's scores map to the values of a curve; every `metrics.Metric` is one."""

    low: float
    high: float
    lower_is_better: bool

    def value(self, score: float) -> float:
        """The value of a score; higher looks better."""

    def score(self, value: Doubles) -> Doubles:
        """The scores of values."""


class Prospects(NamedTuple):
    """The probabilities of what trying each quality shows.

    `ends`: it is good enough, which ends the search at once. `highest` and `lowest`: it is the
    answer if the next file above, or below, is tried too, and is not an answer.
    """

    ends: Doubles
    highest: Doubles
    lowest: Doubles

    @property
    def answers(self) -> Doubles:
        """The probability that each quality is the answer."""
        return self.ends + self.highest + self.lowest


class Goal(Protocol):
    """What makes an answer good.

    It depends on one or more curves of values that rise with quality. Methods that take
    `intervals` or beliefs get one for each curve, in the order of `values`.
    """

    @property
    def wants_highest(self) -> bool:
        """Whether the highest good quality is the answer; otherwise, any good one is."""

    @property
    def fallback(self) -> tuple[Goal, int] | None:
        """The goal once no quality can be accepted, and the index of its curve; None to stop."""
        return None

    def accepts(self, seen: Observation) -> bool:
        """False for a probe over a limit, which is an answer only if all others are, too."""
        return True

    def values(self, seen: Observation) -> tuple[float, ...]:
        """The values of a probe, one for each curve."""

    @property
    def aim(self) -> float:
        """The value on the first curve that a search crosses where the answer lies."""

    @property
    def width(self) -> float:
        """How far values on the first curve may differ and both be good enough."""

    def finished(self, seen: Observation) -> bool:
        """True if this probe ends the search at once."""

    def best(self, seen: Sequence[Observation], low: int, high: int) -> Observation:
        """The answer if nothing more could be tried."""

    def crossed(self, seen: Sequence[Observation]) -> bool:
        """True if the target lies between two probes, so that the answer is next to it."""
        return False

    def open(self, seen: Sequence[Observation], intervals: Sequence[Interval], high: int) -> Bools:
        """Which qualities may still change the answer; `intervals` bound their values."""

    def away(self, curves: Sequence[Doubles]) -> Doubles:
        """How far each quality is from where the answer lies, if these are the curves."""
        return np.abs(curves[0] - self.aim)

    def prospects(self, means: Sequence[Doubles], deviations: Sequence[Doubles]) -> Prospects:
        """The prospects of each quality, whose values are normally distributed."""

    def outcome(
        self, best: Observation, seen: Sequence[Observation], low: int, high: int
    ) -> Outcome:
        """How the search ended with `best` when nothing was left to try."""


def is_worse(scale: Scale, score: float, limit: float) -> bool:
    """Whether a score looks worse than a limit."""
    return score > limit if scale.lower_is_better else score < limit


def normal_cdf(x: Doubles) -> Doubles:
    """The standard normal distribution function, elementwise, to 1e-6.

    NumPy has none; a table takes a tenth of the time of a formula.
    """
    return np.asarray(np.interp(x, _CDF_AT, _CDF))
