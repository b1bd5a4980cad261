"""The loop: try a quality, learn, stop when nothing untried can change the answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from autoquality_core.search.acquisition import Acquisition, LookUp
from autoquality_core.search.base import Goal, Observation
from autoquality_core.search.curve import CurvePrior
from autoquality_core.search.goals import FewestBytesGoal
from autoquality_core.types import Outcome

ALL_DIFFERENT = range(1, 101)

Stop: TypeAlias = Callable[[Acquisition], bool]


def never(_: Acquisition) -> bool:
    """False: the search goes on."""
    return False


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: an observation that was made, and how the search ended."""

    best: Observation
    outcome: Outcome


def search(
    goal: Goal,
    low: int,
    high: int,
    attempt: Callable[[int], Observation],
    *,
    prior: CurvePrior | Sequence[CurvePrior],
    roughness: LookUp | Sequence[LookUp | None] | None = None,
    first: int | None = None,
    equivalents: Sequence[int] = ALL_DIFFERENT,
    may_continue: Callable[[int], bool] = lambda _quality: True,
    attempt_two: Callable[[int, int], Sequence[Observation]] | None = None,
    stop: Stop = never,
) -> Found:
    """Find the quality in [low, high] that `goal` asks for.

    `attempt` encodes at one quality, at most once for each. `prior` and `roughness` are those of
    the goal's curve, or sequences for its curves. `first` is the first quality to try.
    `equivalents` has for each quality 1 to 100 the lowest one with the same file; only one of
    them is tried. Before every attempt but the first, `may_continue` is called with its quality;
    if it returns False, the search ends with the best answer so far and DEADLINE_REACHED.

    `attempt_two` encodes a second quality at the same time, if a core is free, and returns one
    observation or two. The second is speculation: the search uses it when it would have tried
    that quality next. So the answer does not depend on a free core.

    `roughness` returns how far this image's curve may fall; without it, `prior.allowance` counts.
    On a curve that keeps to that, trying every quality would find the same answer.

    If `stop` returns True before an attempt, the
    search ends with the best answer so far, unproven.
    """
    acquisition = _acquisition(goal, low, high, prior, equivalents, roughness)
    ready: dict[int, Observation] = {}
    while not acquisition.settled and not stop(acquisition):
        started = bool(acquisition.seen)
        quality = acquisition.next() if started or first is None else min(max(first, low), high)
        if quality not in ready:
            if started and not may_continue(quality):
                best = goal.best([*acquisition.seen, *ready.values()], low, high)
                return Found(best, Outcome.DEADLINE_REACHED)
            for one in _attempted(quality, ready, acquisition, attempt, attempt_two, may_continue):
                ready[one.quality] = one
        one = ready.pop(quality)
        if goal.finished(one):
            return Found(one, goal.outcome(one, acquisition.seen, low, high))
        acquisition.take(one)
    best = goal.best(acquisition.seen, low, high)
    return Found(best, goal.outcome(best, acquisition.seen, low, high))


def _attempted(
    quality: int,
    known: Container[int],
    acquisition: Acquisition,
    attempt: Callable[[int], Observation],
    attempt_two: Callable[[int, int], Sequence[Observation]] | None,
    may_continue: Callable[[int], bool],
) -> Sequence[Observation]:
    other = None if attempt_two is None else acquisition.second(quality, known)
    if attempt_two is None or other is None or not may_continue(max(quality, other)):
        return [attempt(quality)]
    return attempt_two(quality, other)


@dataclass(frozen=True, slots=True)
class Contender:
    """One of several encoders that may produce the answer; the fields are those of `search`."""

    goal: FewestBytesGoal
    low: int
    high: int
    attempt: Callable[[int], Observation]
    prior: Sequence[CurvePrior]
    roughness: Sequence[LookUp | None] | None = None
    equivalents: Sequence[int] = ALL_DIFFERENT
    may_continue: Callable[[int], bool] = lambda _quality: True


def search_several(contenders: Sequence[Contender]) -> tuple[int | None, list[Found | None]]:
    """Find the contender whose answer meets its goal with the fewest bytes.

    Returns its index, and how each search ended. The index is None if no contender meets its goal;
    a search is None if its contender was not tried. The search of a contender ends early, with
    its best answer so far, once no quality can beat the best of the others.
    """
    states = [
        _acquisition(one.goal, one.low, one.high, one.prior, one.equivalents, one.roughness)
        for one in contenders
    ]
    late: set[int] = set()
    best: int | None = None
    while running := [at for at in _running(states, best) if at not in late]:
        at = min(running, key=lambda one: _expected_bytes(contenders[one], states[one]))
        quality = states[at].next()
        started = any(state.seen for state in states)
        if started and not contenders[at].may_continue(quality):
            late.add(at)
            continue
        states[at].take(contenders[at].attempt(quality))
        best = _smallest(contenders, states)
        _limit_others(contenders, states, best)
    found = [
        _answer(one, state) if state.seen else None
        for one, state in zip(contenders, states, strict=True)
    ]
    for at in late.intersection(_running(states, best)):
        ended = found[at]
        found[at] = None if ended is None else Found(ended.best, Outcome.DEADLINE_REACHED)
    return best, found


def _acquisition(
    goal: Goal,
    low: int,
    high: int,
    prior: CurvePrior | Sequence[CurvePrior],
    equivalents: Sequence[int],
    roughness: LookUp | Sequence[LookUp | None] | None,
) -> Acquisition:
    priors = [prior] if isinstance(prior, CurvePrior) else prior
    look_ups = roughness if isinstance(roughness, Sequence) else [roughness]
    return Acquisition(goal, low, high, priors, equivalents, look_ups)


def _running(states: Sequence[Acquisition], best: int | None) -> list[int]:
    """The contenders that may still win; if none meets its goal, those that are unsettled."""
    return [
        at
        for at, state in enumerate(states)
        if not state.settled and (best is None or not state.hopeless)
    ]


def _limit_others(
    contenders: Sequence[Contender], states: Sequence[Acquisition], best: int | None
) -> None:
    """Let all others search for files smaller than the best one."""
    if best is None:
        return
    limit = _answer(contenders[best], states[best]).best.size_bytes - 1
    for at, (one, state) in enumerate(zip(contenders, states, strict=True)):
        if at != best:
            state.change(replace(one.goal, max_bytes=min(one.goal.max_bytes, limit)))


def _expected_bytes(contender: Contender, state: Acquisition) -> float:
    """Those of the most probable answer; infinite if it will not meet the goal."""
    if state.hopeless:
        return math.inf
    return contender.goal.pixels * state.expected_bytes_per_pixel


def _answer(contender: Contender, state: Acquisition) -> Found:
    goal, low, high = contender.goal, contender.low, contender.high
    best = goal.best(state.seen, low, high)
    return Found(best, goal.outcome(best, state.seen, low, high))


def _smallest(contenders: Sequence[Contender], states: Sequence[Acquisition]) -> int | None:
    """The contender whose best answer so far meets its goal with the fewest bytes."""
    met = [
        (answer.best.size_bytes, at)
        for at, (one, state) in enumerate(zip(contenders, states, strict=True))
        if state.seen and (answer := _answer(one, state)).outcome is Outcome.TARGET_MET
    ]
    return min(met)[1] if met else None
