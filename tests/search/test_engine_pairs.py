"""Two qualities tried at the same time: the same answers, in fewer rounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.metrics import DSSIM
from autoquality_core.search import (
    CurvePrior,
    LimitedGoal,
    Observation,
    Roughness,
    ScoreGoal,
    SizeGoal,
    search,
)
from tests.search.curves import PIXELS, Look, Rounds

pytestmark = pytest.mark.usefixtures("without_a_limit")

SIZE_PRIOR = CurvePrior.smooth(-4, -1, noise=0.002, allowance=0.002)
SCORE_PRIOR = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=0.01)
ALL_DIFFERENT = tuple(range(1, 101))
PAIRED = tuple(quality - (quality - 1) % 2 for quality in range(1, 101))
"""Equivalents two by two: 1 and 2, 3 and 4 ..."""


def rising(slope: float, level: float, *, paired: bool = False) -> Look:
    def look(quality: int) -> Observation:
        at = PAIRED[quality - 1] if paired else quality
        value = level + slope * at + 0.3 * math.sin(at / 15)
        return Observation(quality, round(PIXELS * math.exp(value - 6)), math.exp(-value - 2))

    return look


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.021, 0.06),
    st.floats(-1, 3),
    st.floats(-4, 4),
    st.booleans(),
    st.lists(st.booleans(), min_size=100, max_size=100),
)
def test_the_answers_are_the_oracles_whether_a_core_is_idle_or_not(
    slope: float, level: float, at: float, paired: bool, free: list[bool]
) -> None:
    look = rising(slope, level, paired=paired)
    equivalents = PAIRED if paired else ALL_DIFFERENT
    score, size = math.exp(-at - 4), PIXELS * math.exp(at - 4)
    for goal, priors in (
        (SizeGoal(size, PIXELS), [SIZE_PRIOR]),
        (ScoreGoal(DSSIM, score, 0.001), [SCORE_PRIOR]),
        (ScoreGoal(DSSIM, 0.0, 0.0), [SCORE_PRIOR]),
        (
            LimitedGoal(ScoreGoal(DSSIM, score, 0.001), max_bytes=size, pixels=PIXELS),
            [SCORE_PRIOR, SIZE_PRIOR],
        ),
    ):
        Rounds(look, iter(free).__next__).check(goal, priors, equivalents)


def test_a_second_core_changes_only_the_time() -> None:
    """The search uses the same qualities in the same order, with and without speculation."""
    for free in (lambda: True, iter([True, False] * 50).__next__):
        for level in np.linspace(0.7, 1.3, 12):
            look = rising(0.03, float(level))
            for goal, prior in (
                (SizeGoal(look(65).size_bytes + 10, PIXELS), [SIZE_PRIOR]),
                (ScoreGoal(DSSIM, 0.02, 0.0005), [SCORE_PRIOR]),
                (
                    LimitedGoal(ScoreGoal(DSSIM, 0.02, 0.0005), (), 9000, PIXELS),
                    [SCORE_PRIOR, SIZE_PRIOR],
                ),
            ):
                alone, paired = (
                    search(*(goal, 10, 95, rounds.one), prior=prior, attempt_two=rounds.two)
                    for rounds in (Rounds(look, lambda: False), Rounds(look, free))
                )
                assert alone == paired


def test_a_byte_limit_is_met_in_fewer_rounds() -> None:
    """If the first guess is off by a few qualities, as after a regression from features."""
    usual = rising(0.03, 1.0)
    mean = np.log([usual(quality).size_bytes / PIXELS for quality in range(1, 101)])
    prior = CurvePrior(mean, np.full((100, 100), 0.06**2), 0.002, Roughness(0.002))
    alone, together, tried = [], [], []
    for level in np.linspace(0.9, 1.1, 30):
        look = rising(0.03, float(level))
        goal = SizeGoal(look(65).size_bytes + 10, PIXELS)
        sequential, paired = Rounds(look, lambda: False), Rounds(look)
        sequential.check(goal, [prior], ALL_DIFFERENT)
        paired.check(goal, [prior], ALL_DIFFERENT)
        alone.append(len(sequential.tried))
        together.append(len(paired.tried))
        tried.append(sum(map(len, paired.tried)))
    assert sum(together) < 0.75 * sum(alone)
    assert sum(tried) < 1.5 * sum(alone)


def test_if_the_first_is_likely_the_answer_no_second_is_tried() -> None:
    look = rising(0.03, 1.0)
    values = np.array([-math.log(look(quality).score or 1) for quality in range(1, 101)])
    known = CurvePrior(values, 1e-6 * np.eye(100), 1e-4, Roughness(0.01))
    rounds = Rounds(look)
    rounds.check(ScoreGoal(DSSIM, look(60).score or 1, 0.001), [known], ALL_DIFFERENT)
    assert [len(both) for both in rounds.tried] == [1]


@pytest.mark.parametrize(("limit", "tried"), [(1, [(10,), (95,)]), (10**9, [(95,)])])
def test_a_byte_limit_outside_the_range_takes_its_bounds_alone(
    limit: int, tried: list[tuple[int, ...]]
) -> None:
    """Before the search reports that nothing fits, it tries the other end: a curve may fall."""
    look = rising(0.03, 1.0)
    sizes = np.log([look(quality).size_bytes / PIXELS for quality in range(1, 101)])
    known = CurvePrior(sizes, 1e-6 * np.eye(100), 1e-4, Roughness(0.002))
    rounds = Rounds(look)
    rounds.check(SizeGoal(limit, PIXELS), [known], ALL_DIFFERENT)
    assert rounds.tried == tried


def test_no_second_is_tried_if_there_is_no_time_for_it() -> None:
    look = rising(0.03, 1.0)
    rounds = Rounds(look)
    goal = SizeGoal(look(65).size_bytes + 10, PIXELS)
    search(
        *(goal, 10, 95, rounds.one),
        prior=SIZE_PRIOR,
        attempt_two=rounds.two,
        may_continue=lambda quality: quality <= 65,
    )
    assert all(max(both) <= 65 for both in rounds.tried if len(both) > 1)
