"""The loop: try a quality, learn, stop when nothing untried can change the answer."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from autoquality_core.search.acquisition import Acquisition, LookUp
from autoquality_core.search.base import Goal, Observation
from autoquality_core.search.curve import CurvePrior
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
    priors = [prior] if isinstance(prior, CurvePrior) else prior
    look_ups = roughness if isinstance(roughness, Sequence) else [roughness]
    acquisition = Acquisition(goal, low, high, priors, equivalents, look_ups)
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
