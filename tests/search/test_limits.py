"""Searches under limits: answers, outcomes, and how few encodings limits cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

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
    Scale,
    ScoreGoal,
    ScoreLimit,
    SizeGoal,
    search,
)
from autoquality_core.search.base import Goal
from autoquality_core.types import Outcome
from autoquality_train.judging.oracle import agree, oracle
from tests.search.curves import (
    LIKENESS,
    PIXELS,
    SCORE_PRIOR,
    SIZE_PRIOR,
    Curves,
    any_range,
    any_scale,
    any_sizes,
    any_values,
    curves_of,
    priors,
    score_of,
)
from tests.search.recorded import PIXELS as RECORDED_PIXELS
from tests.search.recorded import recorded

pytestmark = pytest.mark.usefixtures("without_a_limit")

LOW, HIGH = 10, 20
OTHER: dict[Scale, Scale] = {DSSIM: LIKENESS, LIKENESS: DSSIM}
"""The scale of the second score of an image, by that of the first."""
REACHED = {DSSIM: Outcome.MAX_DSSIM_REACHED, LIKENESS: Outcome.MIN_SSIMULACRA2_REACHED}


def with_second_score(curves: Curves, scale: Scale, others: Sequence[float]) -> Curves:
    """The same files with a score of `others` by the other scale."""

    def look(quality: int) -> Observation:
        return replace(curves.look(quality), others=(score_of(OTHER[scale], others[quality - 1]),))

    return Curves(look)


def limited(
    goal: ScoreGoal | SizeGoal,
    scale: Scale,
    own: Observation | None = None,
    other: Observation | None = None,
    fits: Observation | None = None,
    close: float = 0.0,
) -> LimitedGoal:
    """A goal with the limits that three files just keep, and how close is enough, as a share."""
    scores = []
    if own is not None and own.score is not None:
        error = close * scale.high
        scores.append(ScoreLimit(scale, own.score, REACHED[scale], error=error))
    if other is not None:
        another = OTHER[scale]
        error = close * another.high
        scores.append(ScoreLimit(another, other.others[0], REACHED[another], 0, error))
    max_bytes = math.inf if fits is None else fits.size_bytes
    return LimitedGoal(goal, tuple(scores), max_bytes, PIXELS)


def check(curves: Curves, goal: LimitedGoal, low: int, high: int) -> None:
    """Compare a search with the oracle."""
    found = search(goal, low, high, curves.attempt, prior=priors(goal))
    expected = oracle(goal, low, high, curves.look)
    assert agree(goal, found, expected), (found, expected)
    assert found.best.quality in curves.tried
    if found.outcome in REACHED.values():
        assert goal.accepts(found.best)


maybe = st.one_of(st.none(), st.integers(1, 100))
"""The quality whose file just keeps a limit; None without a limit."""


@settings(max_examples=80, deadline=None)
@given(
    any_scale,
    *(any_values, any_sizes, any_values, any_range),
    st.floats(-0.1, 1.1),
    st.sampled_from([0.0, 0.003, 0.03]),
    st.sampled_from([0.0, 0.01, 0.1]),
    st.tuples(maybe, maybe, maybe),
)
def test_a_search_for_a_score_under_limits_agrees_with_the_oracle(
    scale: Scale,
    values: list[float],
    sizes: list[float],
    others: list[float],
    within: list[int],
    at: float,
    error: float,
    close: float,
    kept: tuple[int | None, int | None, int | None],
) -> None:
    curves = curves_of(values, sizes, scale)
    if kept[1] is not None:
        curves = with_second_score(curves, scale, others)
    target = score_of(scale, values[0] + at * (values[-1] - values[0]))
    goal = ScoreGoal(scale, target, error * scale.high)
    own, other, fits = (None if one is None else curves.look(one) for one in kept)
    check(curves, limited(goal, scale, own, other, fits, close), *within)


@settings(max_examples=50, deadline=None)
@given(
    any_scale,
    *(any_values, any_sizes, any_range),
    *(st.integers(1, 100), st.integers(1, 100)),
    st.sampled_from([0.0, 0.05, 0.5, 1.0]),
)
def test_a_search_for_a_size_with_the_worst_score_agrees_with_the_oracle(
    scale: Scale,
    values: list[float],
    sizes: list[float],
    within: list[int],
    fits: int,
    other: int,
    unused: float,
) -> None:
    curves = with_second_score(curves_of(values, sizes, OTHER[scale]), OTHER[scale], values)
    target = curves.look(fits).size_bytes
    goal = SizeGoal(target, PIXELS, unused * target)
    check(curves, limited(goal, OTHER[scale], other=curves.look(other)), *within)


def files(**by_quality: tuple[int, float, float]) -> list[Observation]:
    """Observations from q10=(900, 0.03, 60) and the like: bytes, DSSIM and likeness."""
    return [
        Observation(int(name[1:]), size, dssim, (likeness,))
        for name, (size, dssim, likeness) in by_quality.items()
    ]


UNDER_ALL = LimitedGoal(
    ScoreGoal(DSSIM, 0.02, 0.001),
    (
        ScoreLimit(DSSIM, 0.03, Outcome.MAX_DSSIM_REACHED),
        ScoreLimit(LIKENESS, 60, Outcome.MIN_SSIMULACRA2_REACHED, 0),
    ),
    *(1000, 4096),
)


@pytest.mark.parametrize(
    ("seen", "quality", "outcome"),
    [
        # Good enough, at all limits.
        (files(q12=(1000, 0.0205, 60)), 12, Outcome.TARGET_MET),
        # Good enough, but over a limit: the first that keeps them is the answer.
        (
            files(q11=(900, 0.0205, 59.9), q12=(900, 0.0205, 60), q13=(900, 0.01, 60)),
            *(12, Outcome.TARGET_MET),
        ),
        # All that fit look too poor: the highest of them, even if another is nearer.
        (
            files(q14=(900, 0.023, 65), q15=(1000, 0.024, 66), q16=(1001, 0.02, 67)),
            *(15, Outcome.MAX_BYTES_REACHED),
        ),
        # The limit that the next quality breaks is named, and not that of one further away.
        (
            files(q15=(1000, 0.024, 66), q16=(1001, 0.022, 67), q17=(1000, 0.022, 59)),
            *(15, Outcome.MAX_BYTES_REACHED),
        ),
        # All that have the likeness look too good: the lowest of them.
        (
            files(q14=(800, 0.02, 59.9), q15=(900, 0.015, 60), q16=(950, 0.016, 66)),
            *(15, Outcome.MIN_SSIMULACRA2_REACHED),
        ),
        # The target is between two that keep the limits.
        (files(q14=(900, 0.024, 65), q15=(950, 0.017, 66)), 15, Outcome.NEAREST_QUALITY),
        # A bound of the range, and no limit, is what stops the search.
        (files(q20=(900, 0.024, 65), q19=(890, 0.023, 65)), 20, Outcome.MAX_QUALITY_REACHED),
        (files(q10=(900, 0.015, 65), q11=(890, 0.014, 65)), 10, Outcome.MIN_QUALITY_REACHED),
        # No file keeps all limits: the highest that fits.
        (
            files(q14=(900, 0.031, 65), q15=(1000, 0.032, 65), q16=(1001, 0.02, 67)),
            *(15, Outcome.LIMITS_CONFLICT),
        ),
        # No file fits.
        (files(q10=(1001, 0.02, 65), q20=(2000, 0.01, 80)), 10, Outcome.LIMITS_CONFLICT),
    ],
)
def test_the_answer_under_limits(seen: list[Observation], quality: int, outcome: Outcome) -> None:
    for order in (seen, seen[::-1]):
        best = UNDER_ALL.best(order, LOW, HIGH)
        assert (best.quality, UNDER_ALL.outcome(best, order, LOW, HIGH)) == (quality, outcome)


def test_a_target_that_breaks_a_limit_of_its_own_metric_ends_at_the_limit() -> None:
    goal = LimitedGoal(
        ScoreGoal(DSSIM, 0.02, 0.001), (ScoreLimit(DSSIM, 0.01, Outcome.MAX_DSSIM_REACHED),)
    )
    seen = files(q13=(1, 0.02, 0), q14=(1, 0.011, 0), q15=(1, 0.01, 0), q16=(1, 0.005, 0))
    best = goal.best(seen, LOW, HIGH)
    assert (best.quality, goal.outcome(best, seen, LOW, HIGH)) == (15, Outcome.MAX_DSSIM_REACHED)


CLOSE = LimitedGoal(
    ScoreGoal(LIKENESS, 50.0, 1.0),
    (
        ScoreLimit(LIKENESS, 70.0, Outcome.MIN_SSIMULACRA2_REACHED, error=1.0),
        ScoreLimit(DSSIM, 0.02, Outcome.MAX_DSSIM_REACHED, 0, error=0.001),
    ),
)


@pytest.mark.parametrize(
    ("likeness", "dssim", "outcome"),
    [
        (71.0, 0.01, Outcome.MIN_SSIMULACRA2_REACHED),
        (80.0, 0.0191, Outcome.MAX_DSSIM_REACHED),
        (71.1, 0.0189, None),  # not close
        (69.9, 0.0195, None),  # not within a limit
        (70.5, 0.0201, None),
    ],
)
def test_a_score_that_is_close_to_a_limit_ends_the_search(
    likeness: float, dssim: float, outcome: Outcome | None
) -> None:
    seen = Observation(15, 1, likeness, (dssim,))
    assert CLOSE.finished(seen) is (outcome is not None)
    if outcome:
        assert CLOSE.outcome(seen, [], LOW, HIGH) is outcome


def test_a_score_that_is_close_to_a_limit_is_the_answer_even_if_another_is_nearer() -> None:
    seen = files(q13=(1, 69, 0.021), q14=(1, 80, 0.0195), q15=(1, 72, 0.01))
    best = CLOSE.best(seen, LOW, HIGH)
    assert (best.quality, CLOSE.outcome(best, seen, LOW, HIGH)) == (14, Outcome.MAX_DSSIM_REACHED)


def test_a_score_near_the_target_is_not_excused_by_a_limit() -> None:
    goal = replace(CLOSE, goal=ScoreGoal(LIKENESS, 70.0, 1.0), scores=CLOSE.scores[1:])
    assert not goal.finished(Observation(15, 1, 72.0, (0.0195,)))
    assert goal.finished(Observation(15, 1, 72.1, (0.0195,)))


@pytest.mark.parametrize(("at", "most"), [(0, 1.4), (None, 1.1)])
def test_a_limit_that_decides_takes_about_as_many_encodings_as_a_target(
    at: int | None, most: float
) -> None:
    """On recorded curves of photographs whose priors allow for rough ones, over 45 searches."""
    rough = replace(SCORE_PRIOR, roughness=Roughness(0.3))
    targets = limits = 0
    for curve in recorded().values():
        for quality in (30, 55, 80):
            wanted = curve[quality - 1].score or 0.0
            targets += count(curve, ScoreGoal(DSSIM, wanted, 0.02 * wanted), [rough])
            limit = ScoreLimit(DSSIM, wanted, Outcome.MAX_DSSIM_REACHED, at, 0.02 * wanted)
            goal = LimitedGoal(ScoreGoal(DSSIM, 2 * wanted, 0.02 * wanted), (limit,))
            both = [replace(one, others=(one.measured,)) for one in curve]
            limits += count(both, goal, [rough] if at is None else [rough, rough])
    assert limits <= most * targets


def test_no_chance_is_negative_where_a_limit_excludes_the_target() -> None:
    means = np.linspace(LIKENESS.value(50.0), LIKENESS.value(95.0), HIGH - LOW + 1)
    for error in (0.0, 1.0, 10.0):
        limit = ScoreLimit(LIKENESS, 90.0, Outcome.MIN_SSIMULACRA2_REACHED, error=error)
        goal = LimitedGoal(ScoreGoal(LIKENESS, 70.0, 1.0), (limit,))
        found = goal.prospects([means], [np.full_like(means, 0.05)])
        assert min(map(np.min, found)) >= 0
        assert found.answers.max() > 0.5


def test_without_a_limit_on_bytes_a_conflict_ends_at_the_highest_quality() -> None:
    goal = LimitedGoal(
        ScoreGoal(DSSIM, 0.02, 0.001), (ScoreLimit(DSSIM, 0.001, Outcome.MAX_DSSIM_REACHED),)
    )
    seen = files(q20=(1, 0.002, 0), q10=(1, 0.02, 0))
    best = goal.best(seen, LOW, HIGH)
    assert (best.quality, goal.outcome(best, seen, LOW, HIGH)) == (20, Outcome.LIMITS_CONFLICT)


SIZE_AND_SCORE = LimitedGoal(
    SizeGoal(1000, 4096), (ScoreLimit(LIKENESS, 60, Outcome.MIN_SSIMULACRA2_REACHED, 0),)
)


@pytest.mark.parametrize(
    ("seen", "quality", "outcome"),
    [
        (files(q14=(900, 0, 60), q15=(1000, 0, 60), q16=(1001, 0, 70)), 15, Outcome.TARGET_MET),
        # A higher one fits, but does not look good enough.
        (files(q14=(900, 0, 60), q15=(1000, 0, 59)), 14, Outcome.TARGET_MET),
        # What fits does not look good enough, and what looks good enough does not fit.
        (files(q14=(1000, 0, 59), q15=(1001, 0, 60)), 14, Outcome.LIMITS_CONFLICT),
        (files(q10=(1001, 0, 59), q15=(1200, 0, 60)), 10, Outcome.LIMITS_CONFLICT),
        # Only the target is missed.
        (files(q10=(1001, 0, 60), q15=(1200, 0, 70)), 10, Outcome.MIN_QUALITY_REACHED),
    ],
)
def test_the_answer_for_a_size_under_a_limit(
    seen: list[Observation], quality: int, outcome: Outcome
) -> None:
    best = SIZE_AND_SCORE.best(seen, LOW, HIGH)
    assert (best.quality, SIZE_AND_SCORE.outcome(best, seen, LOW, HIGH)) == (quality, outcome)


def count(curve: list[Observation], goal: Goal, prior: Sequence[CurvePrior]) -> int:
    curves = Curves(lambda quality: curve[quality - 1])
    found = search(goal, 10, 95, curves.attempt, prior=prior)
    assert agree(goal, found, oracle(goal, 10, 95, curves.look))
    return len(curves.tried)


SMOOTH = (
    replace(SCORE_PRIOR, roughness=Roughness(0.02)),
    replace(SIZE_PRIOR, roughness=Roughness(0.01)),
)


def test_limits_that_do_not_bind_cost_no_encodings() -> None:
    """On recorded curves of photographs, the sums over 45 searches."""
    score, size = SMOOTH
    without, with_bytes, with_score, with_both = 0, 0, 0, 0
    for curve in recorded().values():
        for at in (30, 55, 80):
            wanted, far = curve[at - 1].score or 0.0, 2.0 * curve[at - 1].size_bytes
            goal = ScoreGoal(DSSIM, wanted, 0.02 * wanted)
            own = (ScoreLimit(DSSIM, 2 * wanted, Outcome.MAX_DSSIM_REACHED),)
            both = LimitedGoal(goal, own, far, RECORDED_PIXELS)
            without += count(curve, goal, [score])
            with_bytes += count(curve, replace(both, scores=()), [score, size])
            with_score += count(curve, replace(both, max_bytes=math.inf), [score])
            with_both += count(curve, both, [score, size])
    assert max(with_bytes, with_score, with_both) <= without


def test_a_limit_on_bytes_that_binds_takes_about_as_many_encodings_as_a_size() -> None:
    """On recorded curves of photographs, the mean over 90 searches."""
    score, size = SMOOTH
    by_limit, by_size = [], []
    for curve in recorded().values():
        for at in (30, 55, 80):
            wanted = curve[at - 1].score or 0.0
            for share in (0.9, 0.6):
                budget = share * curve[at - 1].size_bytes
                goal = ScoreGoal(DSSIM, wanted, 0.02 * wanted)
                limits = LimitedGoal(goal, (), budget, RECORDED_PIXELS)
                by_limit.append(count(curve, limits, [score, size]))
                by_size.append(count(curve, SizeGoal(budget, RECORDED_PIXELS), [size]))
    assert np.mean(by_limit) <= 1.1 * np.mean(by_size)


@settings(max_examples=40, deadline=None)
@given(any_values, any_sizes, any_range, st.integers(1, 6), st.integers(1, 100))
def test_a_search_that_is_cut_short_returns_the_best_so_far(
    values: list[float], sizes: list[float], within: list[int], allowed: int, first: int
) -> None:
    curves = curves_of(values, sizes)
    score = curves.look(50).score or 0.0
    goal = LimitedGoal(
        ScoreGoal(DSSIM, score, 0.001),
        (ScoreLimit(DSSIM, 2 * score, Outcome.MAX_DSSIM_REACHED),),
        *(20_000, PIXELS),
    )
    found = search(
        *(goal, *within, curves.attempt),
        prior=priors(goal),
        first=first,
        may_continue=lambda _quality: len(curves.tried) < allowed,
    )
    assert len(curves.tried) <= allowed
    tried = [curves.look(quality) for quality in curves.tried]
    assert found.best == goal.best(tried, *within)
