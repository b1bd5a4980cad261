"""Curves to search: generated, nearly monotone, with observations that are counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from autoquality_core.metrics import DSSIM
from autoquality_core.search import (
    CurvePrior,
    Goal,
    LimitedGoal,
    Observation,
    Scale,
    SizeGoal,
    search,
)
from autoquality_train.judging.oracle import agree, oracle

FloatArray = npt.NDArray[np.float64]
Look = Callable[[int], Observation]

PIXELS = 100_000
ALLOWANCE = 0.08
FALL = 0.078
"""How far generated curves fall: the rounding to whole bytes may add a little."""
QUALITIES = np.arange(1, 101)

SCORE_PRIOR = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=ALLOWANCE)
"""Without knowledge of the image; also for `Likeness`, whose values have the same range."""
SIZE_PRIOR = CurvePrior.smooth(-4, -1, noise=0.002, allowance=ALLOWANCE)


def priors(goal: Goal) -> list[CurvePrior]:
    """The priors for the curves of a goal."""
    if not isinstance(goal, LimitedGoal):
        return [SIZE_PRIOR if isinstance(goal, SizeGoal) else SCORE_PRIOR]
    others = [SCORE_PRIOR for one in goal.scores if one.at is not None]
    sizes = [SIZE_PRIOR] if goal.max_bytes < math.inf else []
    return [*priors(goal.goal), *others, *sizes]


class Likeness:
    """A scale on which higher is better: 0 to 100, 25 for a typical image at quality 1."""

    low = 0.0
    high = 100.0
    lower_is_better = False

    def value(self, score: float) -> float:
        return score / 10

    def score(self, value: FloatArray) -> FloatArray:
        return value * 10


LIKENESS = Likeness()
SCALES = (DSSIM, LIKENESS)


class Curves:
    """The files of one image at quality 1 to 100. Counts attempts and allows each quality once."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.tried: list[int] = []

    def attempt(self, quality: int) -> Observation:
        assert quality not in self.tried, "a quality was encoded twice"
        self.tried.append(quality)
        return self.look(quality)


class Rounds:
    """Tries qualities of a curve, two at a time if it is `free` to."""

    def __init__(self, look: Look, free: Callable[[], bool] = lambda: True) -> None:
        self.look = look
        self._free = free
        self.tried: list[tuple[int, ...]] = []

    def one(self, quality: int) -> Observation:
        self.tried.append((quality,))
        return self.look(quality)

    def two(self, quality: int, other: int) -> list[Observation]:
        if not self._free():
            return [self.one(quality)]
        self.tried.append((quality, other))
        return [self.look(quality), self.look(other)]

    def check(self, goal: Goal, prior: Sequence[CurvePrior], equivalents: Sequence[int]) -> None:
        """Compare a search with the oracle; no file is encoded twice."""
        found = search(
            *(goal, 10, 95, self.one),
            prior=prior,
            equivalents=equivalents,
            attempt_two=self.two,
        )
        assert agree(goal, found, oracle(goal, 10, 95, self.look))
        each = [equivalents[quality - 1] for qualities in self.tried for quality in qualities]
        assert len(each) == len(set(each)), "a file was encoded twice"


def score_of(scale: Scale, value: float) -> float:
    """The score of a value, within the range of scores."""
    return min(max(float(scale.score(np.array(value))), scale.low), scale.high)


def curves_of(values: Sequence[float], sizes: Sequence[float], scale: Scale = DSSIM) -> Curves:
    """Curves of values and of log(bytes per pixel)."""

    def look(quality: int) -> Observation:
        size = max(1, round(PIXELS * math.exp(min(sizes[quality - 1], 4))))
        return Observation(quality, size, score_of(scale, values[quality - 1]))

    return Curves(look)


def nearly_monotone(start: float, steps: Sequence[float], dips: Sequence[float]) -> list[float]:
    """A curve that rises by `steps`, and dips below that by `dips`."""
    rising = start + np.concatenate([[0.0], np.cumsum(steps)])
    return [float(value) for value in rising - np.array(dips)]


def _curves(low: float, high: float) -> st.SearchStrategy[list[float]]:
    return st.builds(
        nearly_monotone,
        st.floats(low, high),
        st.lists(st.sampled_from([0.0, 0.0, 0.004, 0.03, 0.06, 0.2]), min_size=99, max_size=99),
        st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.01, FALL]), min_size=100, max_size=100),
    )


any_values = _curves(-0.5, 5.5)
any_sizes = _curves(-4.5, -1)
any_range = st.tuples(st.integers(1, 100), st.integers(1, 100)).map(sorted)
any_scale = st.sampled_from(SCALES)
