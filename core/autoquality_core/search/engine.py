"""The loop: try a quality, learn, stop when nothing untried can change the answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from autoquality_core.search.acquisition import Acquisition, LookUp
from autoquality_core.search.curve import CurvePrior
from autoquality_core.search.goal import Goal, Observation
from autoquality_core.types import Outcome

ALL_DIFFERENT = range(1, 101)


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
    """
    acquisition = _acquisition(goal, low, high, prior, equivalents, roughness)
    ready: dict[int, Observation] = {}
    while not acquisition.settled:
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
    """One of several encoders that may produce the answer; the fields are those of `search`.

    The last curve of its goal is that of sizes, for an image of `pixels`.
    """

    goal: Goal
    pixels: int
    low: int
    high: int
    attempt: Callable[[int], Observation]
    prior: CurvePrior | Sequence[CurvePrior]
    roughness: LookUp | Sequence[LookUp | None] | None = None
    equivalents: Sequence[int] = ALL_DIFFERENT


@dataclass(frozen=True, slots=True)
class Standing:
    """How a contender ended: its best answer so far, None if it was ruled out untried."""

    found: Found | None
    proven: bool
    """False if a smaller answer of another contender ended its search early."""


def search_several(
    contenders: Sequence[Contender], may_continue: Callable[[int], bool] = lambda _quality: True
) -> tuple[int | None, list[Standing]]:
    """Find the contender whose answer meets its goal with the fewest bytes.

    Returns its index, None if no contender meets its goal, and the standing of each. A contender
    stops as soon as every quality that may still change its answer needs more bytes than the best
    answer known. The next probe goes to the contender that may give the smallest file.
    """
    states = [
        _acquisition(one.goal, one.low, one.high, one.prior, one.equivalents, one.roughness)
        for one in contenders
    ]
    stopped: set[int] = set()
    while True:
        best = _smallest(contenders, states)
        limit = math.inf if best is None else _answer(contenders[best], states[best])[0].size_bytes
        running = [
            at
            for at, state in enumerate(states)
            if not state.settled and contenders[at].pixels * state.least_bytes_per_pixel < limit
        ]
        if not running:
            break
        at = min(running, key=lambda one: states[one].expected_bytes_per_pixel)
        quality = states[at].next()
        if any(state.seen for state in states) and not may_continue(quality):
            stopped.update(running)
            break
        states[at].take(contenders[at].attempt(quality))
    standings = []
    for at, (one, state) in enumerate(zip(contenders, states, strict=True)):
        if not state.seen:
            standings.append(Standing(None, proven=False))
            continue
        answer, outcome = _answer(one, state)
        if at in stopped:
            outcome = Outcome.DEADLINE_REACHED
        standings.append(Standing(Found(answer, outcome), proven=state.settled))
    return _smallest(contenders, states), standings


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


def _answer(contender: Contender, state: Acquisition) -> tuple[Observation, Outcome]:
    goal, low, high = contender.goal, contender.low, contender.high
    best = goal.best(state.seen, low, high)
    return best, goal.outcome(best, state.seen, low, high)


def _smallest(contenders: Sequence[Contender], states: Sequence[Acquisition]) -> int | None:
    """The contender whose best answer so far meets its goal with the fewest bytes."""
    met = []
    for at, (contender, state) in enumerate(zip(contenders, states, strict=True)):
        if state.seen:
            best, outcome = _answer(contender, state)
            if outcome is Outcome.TARGET_MET:
                met.append((best.size_bytes, at))
    return min(met)[1] if met else None
