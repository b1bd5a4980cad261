"""The loop: try a quality, learn, stop when nothing untried can change the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autoquality_server.domain import Outcome
from autoquality_server.search.choice import Choice, chance
from autoquality_server.search.curve import CurvePrior
from autoquality_server.search.objective import Objective, Observation

__all__ = ["Found", "Observation", "chance", "search"]


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: an observation that was made, and how the search ended."""

    best: Observation
    outcome: Outcome


def search(
    objective: Objective,
    low: int,
    high: int,
    attempt: Callable[[int], Observation],
    *,
    prior: CurvePrior,
    first: int | None = None,
    first_twins: Sequence[int] = range(1, 101),
    may_continue: Callable[[int], bool] = lambda _quality: True,
    attempt_two: Callable[[int, int], Sequence[Observation]] | None = None,
) -> Found:
    """Find the quality in [low, high] that `objective` asks for.

    `attempt` encodes at one quality; it is called once for each quality at
    most. `first` is the first quality to try. `first_twins` has for each quality
    1 to 100 the lowest one that gives the same encoding; of those only one is
    tried, and the others are known with it. `may_continue` is asked before
    every attempt but the first, with its quality; where it says no, the best so
    far is returned with DEADLINE_REACHED. With `attempt_two`, two qualities may
    be tried at the same time, if `may_continue` says yes to both: it gives what
    came of the first, and of the second if it was free to try that as well.

    Where the curve turns back by no more than `prior.allowance`, the answer is
    the one that trying every quality would find.
    """
    choice = Choice(objective, low, high, prior, first_twins)
    while not choice.settled:
        quality = choice.next() if choice.seen or first is None else min(max(first, low), high)
        if choice.seen and not may_continue(quality):
            return Found(objective.best(choice.seen, low, high), Outcome.DEADLINE_REACHED)
        for one in _attempted(quality, choice, attempt, attempt_two, may_continue):
            if objective.finished(one):
                return Found(one, objective.outcome(one, low, high))
            choice.take(one)
    best = objective.best(choice.seen, low, high)
    return Found(best, objective.outcome(best, low, high))


def _attempted(
    quality: int,
    choice: Choice,
    attempt: Callable[[int], Observation],
    attempt_two: Callable[[int, int], Sequence[Observation]] | None,
    may_continue: Callable[[int], bool],
) -> Sequence[Observation]:
    other = None if attempt_two is None else choice.beside(quality)
    if attempt_two is None or other is None or not may_continue(max(quality, other)):
        return [attempt(quality)]
    return attempt_two(quality, other)
