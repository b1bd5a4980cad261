"""Curves to search: generated, nearly monotone, with observations that are counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from autoquality_core.metrics import DSSIM
from autoquality_core.search import CurvePrior, Observation, Scale

FloatArray = npt.NDArray[np.float64]
Look = Callable[[int], Observation]

PIXELS = 100_000
ALLOWANCE = 0.08
QUALITIES = np.arange(1, 101)

SCORE_PRIOR = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=ALLOWANCE)
"""Without knowledge of the image; also for `Likeness`, whose values have the same range."""
SIZE_PRIOR = CurvePrior.smooth(-4, -1, noise=0.002, allowance=ALLOWANCE)


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
    """The files of one image at quality 1 to 100. Counts what is tried, and allows it once."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.tried: list[int] = []

    def attempt(self, quality: int) -> Observation:
        assert quality not in self.tried, "a quality was encoded twice"
        self.tried.append(quality)
        return self.look(quality)


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
    """A curve that rises by `steps`, and lies below by `dips`, at most the allowance."""
    rising = start + np.concatenate([[0.0], np.cumsum(steps)])
    return [float(value) for value in rising - np.array(dips)]


def _curves(low: float, high: float) -> st.SearchStrategy[list[float]]:
    return st.builds(
        nearly_monotone,
        st.floats(low, high),
        st.lists(st.sampled_from([0.0, 0.0, 0.004, 0.03, 0.06, 0.2]), min_size=99, max_size=99),
        st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.01, ALLOWANCE]), min_size=100, max_size=100),
    )


any_values = _curves(-0.5, 5.5)
any_sizes = _curves(-7, -1)
any_range = st.tuples(st.integers(1, 100), st.integers(1, 100)).map(sorted)
any_scale = st.sampled_from(SCALES)
