"""`search_several` finds the contender with the fewest bytes, and wastes little on the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.search import (
    Contender,
    CurvePrior,
    FewestBytesGoal,
    Found,
    Observation,
    Scale,
    search_several,
)
from autoquality_core.search.curve import rbf
from autoquality_core.search.oracle import oracle
from autoquality_core.types import Outcome
from tests.search.curves import (
    LIKENESS,
    PIXELS,
    QUALITIES,
    SCORE_PRIOR,
    SIZE_PRIOR,
    Curves,
    any_scale,
    any_sizes,
    any_values,
    curves_of,
    score_of,
)

VALUES = 4.5 + 0.045 * QUALITIES
SIZES = -4 + 0.02 * QUALITIES + 0.8 * (QUALITIES / 100) ** 6


def contender(
    curves: Curves,
    goal: FewestBytesGoal,
    priors: Sequence[CurvePrior] = (SCORE_PRIOR, SIZE_PRIOR),
    may_continue: Callable[[int], bool] = lambda _quality: True,
) -> Contender:
    return Contender(goal, 1, 100, curves.attempt, priors, may_continue=may_continue)


def predicted(prior: CurvePrior, curve: np.ndarray) -> CurvePrior:
    """A prior with a prediction of the curve that is about 10 % off."""
    smooth = replace(prior, allowance=0.01)
    return smooth.with_curve(curve + 0.05, 0.1**2 + 0.03**2 * rbf(20.0))


def shifted(*more: float, values: float = 0.0) -> list[Curves]:
    """Encoders whose files are larger by a factor of e^more."""
    return [curves_of(list(VALUES + values), list(SIZES + one), LIKENESS) for one in more]


def run(
    each: Sequence[Curves], goal: FewestBytesGoal, sizes: Sequence[float] = ()
) -> tuple[int | None, list[Found | None]]:
    """Search several, each with a prediction of its curve, its sizes shifted by `sizes`."""
    sizes = sizes or [0.0] * len(each)
    return search_several(
        [
            contender(
                curves, goal, [predicted(SCORE_PRIOR, VALUES), predicted(SIZE_PRIOR, SIZES + more)]
            )
            for curves, more in zip(each, sizes, strict=True)
        ]
    )


@settings(max_examples=40, deadline=None)
@given(
    any_scale,
    st.lists(st.tuples(any_values, any_sizes), min_size=1, max_size=4),
    st.integers(1, 100),
    st.sampled_from([math.inf, 200_000, 20_000, 2_000]),
)
def test_no_contender_has_a_smaller_file_than_the_answer(
    scale: Scale, each: list[tuple[list[float], list[float]]], at: int, max_bytes: float
) -> None:
    goal = FewestBytesGoal(scale, score_of(scale, each[0][0][at - 1]), PIXELS, max_bytes)
    all_curves = [curves_of(values, sizes, scale) for values, sizes in each]
    best, found = search_several([contender(curves, goal) for curves in all_curves])
    expected = [oracle(goal, 1, 100, curves.look) for curves in all_curves]
    met = [one.best.size_bytes for one in expected if one.outcome is Outcome.TARGET_MET]
    if met:
        assert best is not None
        answer = found[best]
        assert answer is not None
        assert answer.outcome is Outcome.TARGET_MET
        assert answer.best.size_bytes == min(met)
    else:
        assert best is None
        # Each has its own best answer.
        assert found == expected


def test_a_single_contender_is_searched_as_by_search() -> None:
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS)
    (curves,) = shifted(0.0)
    best, found = run([curves], goal)
    assert best == 0
    assert found == [oracle(goal, 1, 100, curves.look)]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_a_contender_that_cannot_win_takes_two_encodings_at_most(order: tuple[int, ...]) -> None:
    """Where its curve was predicted; one that has half the bytes is known to win at once."""
    more = [(0.0, 0.5, 0.7, 1.0)[one] for one in order]
    each = shifted(*more)
    best, _ = run(each, FewestBytesGoal(LIKENESS, 70.2, PIXELS), more)
    assert best == order.index(0)
    assert len(each[best].tried) <= 4
    assert all(1 <= len(one.tried) <= 2 for at, one in enumerate(each) if at != best)


def test_the_first_to_be_tried_is_the_one_that_is_expected_to_win() -> None:
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS)
    order: list[int] = []

    def attempts(at: int, curves: Curves) -> Curves:
        look = curves.look

        def noted(quality: int):
            order.append(at)
            return look(quality)

        return Curves(noted)

    more = (0.5, 0.0, 0.9)
    each = [attempts(at, curves) for at, curves in enumerate(shifted(*more))]
    run(each, goal, more)
    assert order[0] == 1


@pytest.mark.parametrize(("more", "first"), [(0.0, "quarter"), (2.0, "whole")])
def test_the_number_of_pixels_counts_in_what_is_expected(more: float, first: str) -> None:
    """A quarter of the pixels needs a quarter of the bytes, unless each needs e^2 times as many."""
    whole, quarter = shifted(0.0, more)
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS)
    score = predicted(SCORE_PRIOR, VALUES)
    sizes = [predicted(SIZE_PRIOR, SIZES + 0.5), predicted(SIZE_PRIOR, SIZES + 0.5 + more)]
    no_more = [lambda _quality: False] * 2
    search_several(
        [
            contender(whole, goal, [score, sizes[0]], no_more[0]),
            contender(quarter, replace(goal, pixels=PIXELS // 4), [score, sizes[1]], no_more[1]),
        ]
    )
    assert (len(whole.tried), len(quarter.tried)) == (
        int(first == "whole"),
        int(first == "quarter"),
    )


@pytest.mark.parametrize(("size", "tried", "winner"), [(999, [50, 51], 0), (1000, [50], 1)])
def test_a_contender_is_tried_as_long_as_its_file_may_be_smaller(
    size: int, tried: list[int], winner: int
) -> None:
    """By one byte: its first file is too poor, and its second one is no smaller."""
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS)
    covariance = 0.01**2 * np.eye(100)
    score = CurvePrior(7.03 + 0.1 * (QUALITIES - 50), covariance, 0.001, 0.0)
    sizes = CurvePrior(np.full(100, math.log(1100 / PIXELS)), covariance, 0.001, 0.0)
    smaller = replace(sizes, mean=sizes.mean - 0.5)
    rising = Curves(lambda quality: Observation(quality, size, 70.0 if quality == 50 else 71.0))
    single = Curves(lambda quality: Observation(quality, 1000, 71.0))
    best, found = search_several(
        [
            Contender(goal, 50, 51, rising.attempt, [score, sizes]),
            Contender(goal, 51, 51, single.attempt, [score, smaller]),
        ]
    )
    assert (single.tried, rising.tried) == ([51], tried)
    assert best == winner
    answer = found[winner]
    assert answer is not None
    assert answer.outcome is Outcome.TARGET_MET


def test_a_contender_that_never_looks_good_enough_takes_two_encodings_at_most() -> None:
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS)
    good, poor = [*shifted(0.5), *shifted(0.0, values=-3.0)]
    best, found = run([poor, good], goal)
    assert best == 1
    assert len(poor.tried) <= 2
    assert found[0] is not None
    assert found[0].outcome is not Outcome.TARGET_MET


def test_a_contender_whose_limits_are_at_odds_stops_once_another_meets_them() -> None:
    """Its own best answer below the limit would be of no use."""
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS, 10_000)
    small, large = shifted(-0.5, 0.5)
    best, _ = run([large, small], goal, (0.5, -0.5))
    assert best == 1
    assert len(large.tried) <= 2


def test_without_a_winner_each_contender_has_its_best_answer_within_the_limit() -> None:
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS, 5_000)
    each = shifted(0.0, 0.5)
    best, found = run(each, goal)
    assert best is None
    assert found == [oracle(goal, 1, 100, one.look) for one in each]
    assert {one.outcome for one in found if one} == {Outcome.NEAREST_QUALITY}


def test_a_deadline_ends_every_search_with_its_best_answer_so_far() -> None:
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS)
    for allowed in range(1, 8):
        each = shifted(0.0, 0.1, 0.2)

        def may_continue(_quality: int, each: list[Curves] = each, allowed: int = allowed) -> bool:
            return sum(len(one.tried) for one in each) < allowed

        best, found = search_several(
            [contender(one, goal, may_continue=may_continue) for one in each]
        )
        assert sum(len(one.tried) for one in each) == allowed
        for one, curves in zip(found, each, strict=True):
            assert (one is None) == (not curves.tried)
            if one is not None:
                tried = [curves.look(quality) for quality in curves.tried]
                assert one.best == goal.best(tried, 1, 100)
        met = [
            (one.best.size_bytes, at)
            for at, one in enumerate(found)
            if one and LIKENESS.value(one.best.score or 0) >= goal.aim
        ]
        assert best == (min(met)[1] if met else None)
        assert Outcome.DEADLINE_REACHED in {one.outcome for one in found if one}


def test_a_contender_without_time_does_not_stop_the_others() -> None:
    """A slow encoder may have no time for another encoding where a fast one has."""
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS)
    slow, fast = shifted(0.0, 0.3)
    best, found = search_several(
        [contender(slow, goal, may_continue=lambda _quality: False), contender(fast, goal)]
    )
    assert best == 1
    assert found[1] == oracle(goal, 1, 100, fast.look)
    assert len(slow.tried) <= 1


def test_a_contender_that_could_not_win_anyway_is_not_ended_by_the_deadline() -> None:
    goal = FewestBytesGoal(LIKENESS, 70.2, PIXELS)
    more = (0.0, 1.0)
    small, large = shifted(*more)
    priors = [[predicted(SCORE_PRIOR, VALUES), predicted(SIZE_PRIOR, SIZES + one)] for one in more]
    # The large one is tried first, as a wrong prediction says that it is small.
    priors[1][1] = predicted(SIZE_PRIOR, SIZES - 0.5)
    best, found = search_several(
        [
            contender(small, goal, priors[0]),
            contender(large, goal, priors[1], lambda _quality: False),
        ]
    )
    assert best == 0
    assert len(large.tried) == 1
    assert found[1] is not None
    assert found[1].outcome is Outcome.NEAREST_QUALITY
