"""The next quality to try: few encodings of real curves, and the chance to need only one."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from autoquality_core.metrics import DSSIM
from autoquality_core.search import (
    CurvePrior,
    Goal,
    LimitedGoal,
    Observation,
    Roughness,
    ScoreGoal,
    ScoreLimit,
    SizeGoal,
    chance,
    search,
)
from autoquality_core.search.acquisition import Acquisition
from autoquality_core.search.curve import rbf
from autoquality_core.types import Outcome
from tests.search import recorded
from tests.search.curves import LIKENESS, PIXELS, SIZE_PRIOR, Rounds
from tests.search.recorded import sizes_of, values_of


def _score(curve: list[Observation], at: int) -> Iterator[Goal]:
    score = curve[at - 1].score or 0.0
    yield ScoreGoal(DSSIM, score * 1.01, 0.001)
    yield ScoreGoal(DSSIM, score * 1.01, score * 0.01)
    yield ScoreGoal(DSSIM, score * 0.925, score * 0.125)


def _size(curve: list[Observation], at: int) -> Iterator[Goal]:
    yield SizeGoal(curve[at - 1].size_bytes + 3, recorded.PIXELS)


def _limited(share: float, curve: list[Observation], at: int) -> Iterator[Goal]:
    for goal in _score(curve, at):
        assert isinstance(goal, ScoreGoal)
        limit = share * curve[at - 1].size_bytes
        yield LimitedGoal(goal, max_bytes=limit, pixels=recorded.PIXELS)


GOALS: dict[str, Callable[[list[Observation], int], Iterator[Goal]]] = {
    "score": _score,
    "size": _size,
    "within a limit": partial(_limited, 1.2),
    "over a limit": partial(_limited, 0.7),
}


def _usual(values: CurvePrior, sizes: CurvePrior, goal: Goal) -> list[CurvePrior]:
    if isinstance(goal, LimitedGoal):
        return [values, sizes]
    return [sizes if isinstance(goal, SizeGoal) else values]


def _predicted(name: str, values: CurvePrior, sizes: CurvePrior) -> tuple[CurvePrior, CurvePrior]:
    """With the mean curves of the other photographs in the same format as a prediction."""
    others = [
        curve
        for other, curve in recorded.recorded().items()
        if other != name and other.partition(".")[2] == name.partition(".")[2]
    ]
    covariance = 0.3**2 + 0.05**2 * rbf(20.0)
    return (
        values.with_curve(np.mean([values_of(one) for one in others], axis=0), covariance),
        sizes.with_curve(np.mean([sizes_of(one) for one in others], axis=0), covariance),
    )


def _observation(curve: list[Observation], quality: int) -> Observation:
    return curve[quality - 1]


def encodings(kind: str, prior: str) -> tuple[int, int]:
    """The encodings of all searches one by one, and the rounds two at a time."""
    alone = rounds = 0
    for name, curve in recorded.recorded().items():
        values = CurvePrior.smooth(2.5, 7, noise=0.005, allowance=0.02)
        sizes = CurvePrior.smooth(-4, -1, noise=0.002, allowance=0.01)
        if prior == "predicted":
            values, sizes = _predicted(name, values, sizes)
        for at in (25, 75):
            for goal in GOALS[kind](curve, at):
                priors = _usual(values, sizes, goal)
                if prior == "crossing":
                    priors[0] = priors[0].with_crossing(goal.aim, at + 6, 8.0)
                look = partial(_observation, curve)
                one_by_one, paired = Rounds(look), Rounds(look)
                search(goal, 10, 95, one_by_one.one, prior=priors)
                search(goal, 10, 95, paired.one, prior=priors, attempt_two=paired.two)
                alone += len(one_by_one.tried)
                rounds += len(paired.tried)
    return alone, rounds


@pytest.mark.parametrize(
    ("kind", "prior", "alone", "rounds"),
    [
        ("score", "unlearned", 400, 385),
        ("score", "predicted", 294, 289),
        ("score", "crossing", 332, 316),
        ("size", "unlearned", 171, 157),
        ("size", "predicted", 127, 101),
        ("within a limit", "unlearned", 391, 381),
        ("within a limit", "predicted", 287, 282),
        ("over a limit", "unlearned", 419, 356),
        ("over a limit", "predicted", 347, 284),
    ],
)
def test_real_curves_take_few_encodings(kind: str, prior: str, alone: int, rounds: int) -> None:
    """30 searches for each goal of a kind. The ceilings are measured numbers."""
    one_by_one, paired = encodings(kind, prior)
    assert one_by_one <= alone
    assert paired <= rounds


def test_from_the_sixth_probe_on_every_second_one_bisects_the_open_qualities() -> None:
    goal = SizeGoal(20_000, PIXELS)
    acquisition = Acquisition(goal, 1, 100, [SIZE_PRIOR], range(1, 101))
    bisects = []
    for quality in range(1, 13):
        acquisition.take(Observation(quality, 2000 + 10 * quality))
        open_ = range(quality + 1, 101)
        bisects.append(acquisition.next() == open_[len(open_) // 2])
    assert bisects == [False] * 5 + [True, False] * 3 + [True]


@pytest.mark.parametrize(("first", "most"), [(10_000, 12), (21_000, 24)])
def test_a_search_ends_after_twelve_probes_and_later_if_none_is_within_the_limit(
    first: int, most: int
) -> None:
    acquisition = Acquisition(SizeGoal(20_000, PIXELS), 1, 100, [SIZE_PRIOR], range(1, 101))
    acquisition.take(Observation(1, first))
    for quality in range(2, most + 1):
        assert not acquisition.settled
        acquisition.take(Observation(quality, 19_000 if quality == 13 else first))
        assert quality < most - 1 or acquisition.second(50, ()) is None
    assert acquisition.settled


NEAR = ScoreGoal(DSSIM, 0.02, 0.0)
LOOKS = ScoreLimit(LIKENESS, 60.0, Outcome.MIN_SSIMULACRA2_REACHED, 0)
ENDLESS = {
    "bytes": (LimitedGoal(NEAR, max_bytes=20_000, pixels=PIXELS), (21_000, 0.0201), 2),
    "score": (LimitedGoal(NEAR, (LOOKS,)), (19_000, 0.0201, 59.8), 2),
    "both": (LimitedGoal(NEAR, (LOOKS,), 20_000, PIXELS), (21_000, 0.0201, 59.8), 3),
    "size": (LimitedGoal(SizeGoal(20_000, PIXELS), (LOOKS,)), (19_000, 0.0201, 59.8), 2),
}
"""Goals with limits, a file that just exceeds them, and the number of curves."""


def files(count: int, size: int, score: float, *others: float) -> list[Observation]:
    return [Observation(quality, size, score, others) for quality in range(1, count + 1)]


def attempts_until_settled(goal: Goal, seen: Sequence[Observation], curves: int = 1) -> int | None:
    """How many of these attempts end a search; None if all leave it open."""
    acquisition = Acquisition(goal, 1, 100, [SIZE_PRIOR] * curves, range(1, 101))
    for attempts, one in enumerate(seen, start=1):
        acquisition.take(one)
        if acquisition.settled:
            return attempts
    return None


def test_a_search_for_a_score_ends_after_twelve_probes() -> None:
    assert attempts_until_settled(NEAR, files(30, 19_000, 0.0201)) == 12


@pytest.mark.parametrize("name", ENDLESS)
def test_a_search_under_limits_ends_later_if_none_is_within_all_of_them(name: str) -> None:
    goal, exceeds, curves = ENDLESS[name]
    over = files(30, *exceeds)
    assert attempts_until_settled(goal, over, curves) == 24
    within = replace(over[4], size_bytes=19_000, others=(60.1,) * bool(over[4].others))
    once = [*over[:4], within, *over[5:]]
    assert attempts_until_settled(goal, once, curves) == 12
    late = [*over[:12], replace(within, quality=13), *over[13:]]
    assert attempts_until_settled(goal, late, curves) == 24


@pytest.mark.parametrize(("size", "attempts"), [(19_000, 12), (21_000, 24)])
@pytest.mark.parametrize("name", ["both", "size"])
def test_once_a_score_is_out_of_reach_the_limit_on_bytes_alone_counts(
    name: str, size: int, attempts: int
) -> None:
    """The highest quality looks far too poor, so that no other one can be within the limit."""
    goal, _, curves = ENDLESS[name]
    poor = Observation(100, 90_000, 0.03, (10.0,))
    seen = [poor, *files(30, size, 0.0201, 10.0)]
    assert attempts_until_settled(goal, seen, curves) == attempts
    best = goal.best(seen[:attempts], 1, 100)
    assert best.quality == (attempts - 1 if size == 19_000 else 1)


def normal(*means: float, deviation: float) -> CurvePrior:
    """A belief about qualities 1, 2, ..., each for itself; no noise."""
    mean = np.resize(np.array(means), 100)
    return CurvePrior(mean, deviation**2 * np.eye(100), 0.0, Roughness(0.0))


def around(value: float, away: float) -> ScoreGoal:
    """A score whose value differs from this one by at most `away`."""
    best, worst = math.exp(-value - away), math.exp(-value + away)
    return ScoreGoal(DSSIM, (best + worst) / 2, (worst - best) / 2)


def for_1000_bytes(*fits: float) -> Acquisition:
    """A search for 1000 bytes; the file of quality 1, 2, ... fits with each of the chances."""
    means = [-statistics.NormalDist().inv_cdf(one) for one in fits]
    prior = normal(*means, deviation=1.0)
    return Acquisition(SizeGoal(1000, 1000), 1, len(fits), [prior], range(1, 101))


def test_if_no_file_is_likely_to_fit_the_lowest_quality_is_tried_first() -> None:
    """If it is too large, the search ends.

    With chances of 0.25, trying quality 1 is expected to save 0.94 encodings, and quality 3
    0.69. With chances of 0.3, it is 0.77 and 0.81.
    """
    assert for_1000_bytes(0.25, 0.25, 0.25).next() == 1
    assert for_1000_bytes(0.3, 0.3, 0.3).next() == 3


@pytest.mark.parametrize(
    ("fits", "quality", "second"),
    [
        # The likely answer is 2, and 3 is its proof.
        ((0.99, 0.9, 0.05), 2, 3),
        ((0.99, 0.9, 0.05), 3, 2),
        ((0.99, 0.9, 0.05), 1, None),
        # The likely answer is 1 or 3.
        ((0.9, 0.05, 0.01), 2, 1),
        ((0.99, 0.98, 0.95), 1, None),
    ],
)
def test_the_second_quality_is_the_proof_of_the_first_or_is_proved_by_it(
    fits: tuple[float, ...], quality: int, second: int | None
) -> None:
    acquisition = for_1000_bytes(*fits)
    assert acquisition.second(quality, ()) == second
    assert acquisition.second(quality, (1, 2, 3)) is None


def test_the_chance_of_a_score_is_that_of_the_likeliest_quality() -> None:
    """The values of the good scores are from -0.5 to 0.5 deviations around the middle one."""
    good = around(4.0, 0.05)
    three = normal(3.9, 4.0, 4.1, deviation=0.1)
    assert chance(good, 1, 3, three) == pytest.approx(0.38292, abs=1e-4)
    # At a bound of the range, it also is the answer if it looks even better, or even worse.
    assert chance(good, 2, 3, three) == pytest.approx(0.38292 + 0.30854, abs=1e-4)
    assert chance(good, 1, 2, three) == pytest.approx(0.38292 + 0.30854, abs=1e-4)
    assert chance(good, 2, 2, three) == pytest.approx(1.0, abs=1e-4)


def test_the_chance_of_a_size_is_that_the_quality_fits_and_the_next_does_not() -> None:
    prior = normal(-1.0, 0.0, 1.0, deviation=1.0)
    # P(-1 fits), P(0 fits), P(1 fits) are 0.84134, 0.5 and 0.15866.
    assert chance(SizeGoal(1000, 1000), 1, 3, prior) == pytest.approx(0.84134 * 0.5, abs=1e-4)
    # The last needs no proof.
    assert chance(SizeGoal(1000, 1000), 1, 2, prior) == pytest.approx(0.5, abs=1e-4)


def test_a_limit_on_bytes_lowers_the_chance_of_a_score() -> None:
    good = LimitedGoal(around(4.0, 0.05), (), 1000, 1000)
    score = normal(3.9, 4.0, 4.1, deviation=0.1)
    size = normal(-1.0, 0.0, 1.0, deviation=1.0)
    # The first file fits with 0.84134. It is the answer if it looks good or too good (0.30854). If
    # it looks too poor (0.69146), it is the answer unless the next file fits (0.5).
    wanted = 0.84134 * (0.30854 + 0.69146 * 0.5)
    assert chance(good, 1, 3, score, size) == pytest.approx(wanted, abs=1e-4)


def test_the_chance_is_the_mean_over_all_beliefs() -> None:
    sure, unsure = normal(4.0, deviation=0.01), normal(9.0, deviation=0.01)
    (other,) = unsure.beliefs
    prior = replace(sure, doubts=(replace(other, weight=0.25),))
    goal = around(4.0, 0.05)
    assert chance(goal, 1, 9, prior) == pytest.approx(0.75 + 0.25)
    assert chance(goal, 4, 4, sure) == pytest.approx(1.0)
