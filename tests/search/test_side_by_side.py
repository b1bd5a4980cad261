"""Two qualities tried at the same time: the same answers, in fewer rounds."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.metrics import DSSIM
from autoquality_core.search import (
    CurvePrior,
    Goal,
    Observation,
    ScoreGoal,
    SizeGoal,
    search,
)
from autoquality_core.search.oracle import agree, oracle

PIXELS = 100_000
SIZE_PRIOR = CurvePrior.smooth(-4, -1, noise=0.002, allowance=0.002)
DSSIM_PRIOR = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=0.01)
PAIRED = tuple(quality - (quality - 1) % 2 for quality in range(1, 101))
"""Twins two by two: 1 and 2, 3 and 4 ..."""

Look = Callable[[int], Observation]


def rising(slope: float, level: float, *, paired: bool = False) -> Look:
    def look(quality: int) -> Observation:
        at = PAIRED[quality - 1] if paired else quality
        value = level + slope * at + 0.3 * math.sin(at / 15)
        return Observation(quality, round(PIXELS * math.exp(value - 6)), math.exp(-value - 2))

    return look


class Rounds:
    """Tries qualities of a curve, two at a time where it is `free` to."""

    def __init__(self, look: Look, free: Callable[[], bool] = lambda: True) -> None:
        self._look = look
        self._free = free
        self.tried: list[tuple[int, ...]] = []

    def one(self, quality: int) -> Observation:
        self.tried.append((quality,))
        return self._look(quality)

    def two(self, quality: int, other: int) -> list[Observation]:
        if not self._free():
            return [self.one(quality)]
        self.tried.append((quality, other))
        return [self._look(quality), self._look(other)]

    def check(self, objective: Goal, prior: CurvePrior, twins: tuple[int, ...]) -> None:
        found = search(
            *(objective, 10, 95, self.one),
            prior=prior,
            equivalents=twins,
            attempt_two=self.two,
        )
        assert agree(objective, found, oracle(objective, 10, 95, self._look))
        each = [twins[quality - 1] for qualities in self.tried for quality in qualities]
        assert len(each) == len(set(each)), "a file was encoded twice"


@settings(max_examples=150, deadline=None)
@given(
    st.floats(0.021, 0.06),
    st.floats(-1, 3),
    st.floats(-4, 4),
    st.booleans(),
    st.lists(st.booleans(), min_size=100, max_size=100),
)
def test_the_answers_are_the_oracles_whether_a_core_is_idle_or_not(
    slope: float, level: float, goal: float, paired: bool, free: list[bool]
) -> None:
    look, twins = rising(slope, level, paired=paired), PAIRED if paired else tuple(range(1, 101))
    for objective, prior in (
        (SizeGoal(PIXELS * math.exp(goal - 4), PIXELS), SIZE_PRIOR),
        (ScoreGoal(DSSIM, math.exp(-goal - 4), 0.001), DSSIM_PRIOR),
        (ScoreGoal(DSSIM, 0.0, 0.0), DSSIM_PRIOR),
    ):
        Rounds(look, iter(free).__next__).check(objective, prior, twins)


def test_a_second_core_changes_nothing_but_the_time() -> None:
    """The same qualities are used in the same order, whatever was encoded besides them."""
    for free in (lambda: True, iter([True, False] * 50).__next__):
        for level in np.linspace(0.7, 1.3, 12):
            look = rising(0.03, float(level))
            for objective, prior in (
                (SizeGoal(look(65).size_bytes + 10, PIXELS), SIZE_PRIOR),
                (ScoreGoal(DSSIM, 0.02, 0.0005), DSSIM_PRIOR),
            ):
                alone, paired = (
                    search(*(objective, 10, 95, rounds.one), prior=prior, attempt_two=rounds.two)
                    for rounds in (Rounds(look, lambda: False), Rounds(look, free))
                )
                assert alone == paired


def test_a_budget_is_met_in_fewer_rounds() -> None:
    """Where a first guess is off by a few qualities, as after a sketch."""
    usual = rising(0.03, 1.0)
    mean = np.log([usual(quality).size_bytes / PIXELS for quality in range(1, 101)])
    prior = CurvePrior(mean, np.full((100, 100), 0.06**2), 0.002, 0.002)
    alone, together, encodings = [], [], []
    for level in np.linspace(0.9, 1.1, 30):
        look = rising(0.03, float(level))
        objective = SizeGoal(look(65).size_bytes + 10, PIXELS)
        sequential, paired = Rounds(look, lambda: False), Rounds(look)
        sequential.check(objective, prior, tuple(range(1, 101)))
        paired.check(objective, prior, tuple(range(1, 101)))
        alone.append(len(sequential.tried))
        together.append(len(paired.tried))
        encodings.append(sum(map(len, paired.tried)))
    assert sum(together) < 0.75 * sum(alone)
    assert sum(encodings) < 1.5 * sum(alone)


def test_where_the_first_is_likely_to_be_the_answer_nothing_is_tried_beside_it() -> None:
    look = rising(0.03, 1.0)
    values = np.array([-math.log(look(quality).score or 1) for quality in range(1, 101)])
    known = CurvePrior(values, 1e-6 * np.eye(100), 1e-4, 0.01)
    rounds = Rounds(look)
    rounds.check(ScoreGoal(DSSIM, look(60).score or 1, 0.001), known, tuple(range(1, 101)))
    assert len(rounds.tried) == 1
    assert len(rounds.tried[0]) == 1


@pytest.mark.parametrize(("budget", "tried"), [(1, [(10,), (95,)]), (10**9, [(95,)])])
def test_a_budget_outside_the_range_is_met_by_its_bounds_alone(
    budget: int, tried: list[tuple[int, ...]]
) -> None:
    """Nothing fits before the other end was tried as well: a curve may turn back."""
    look = rising(0.03, 1.0)
    sizes = np.log([look(quality).size_bytes / PIXELS for quality in range(1, 101)])
    known = CurvePrior(sizes, 1e-6 * np.eye(100), 1e-4, 0.002)
    rounds = Rounds(look)
    rounds.check(SizeGoal(budget, PIXELS), known, tuple(range(1, 101)))
    assert rounds.tried == tried


def test_no_second_is_tried_for_which_there_is_no_time() -> None:
    look = rising(0.03, 1.0)
    rounds = Rounds(look)
    objective = SizeGoal(look(65).size_bytes + 10, PIXELS)
    search(
        *(objective, 10, 95, rounds.one),
        prior=SIZE_PRIOR,
        attempt_two=rounds.two,
        may_continue=lambda quality: quality <= 65,
    )
    assert all(max(both) <= 65 for both in rounds.tried if len(both) > 1)
