"""The loop: try a quality, learn, stop when nothing untried can change the answer."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from autoquality_core.search.acquisition import Choice, chance
from autoquality_core.search.bounds import Roughness
from autoquality_core.search.curve import CurvePrior
from autoquality_core.search.objective import Objective, Observation
from autoquality_core.types import Outcome

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
    roughness: Callable[[], Roughness] | None = None,
    first: int | None = None,
    equivalents: Sequence[int] = range(1, 101),
    may_continue: Callable[[int], bool] = lambda _quality: True,
    attempt_two: Callable[[int, int], Sequence[Observation]] | None = None,
) -> Found:
    """Find the quality in [low, high] that `objective` asks for.

    `attempt` encodes at one quality; it is called once for each quality at
    most. `first` is the first quality to try. `equivalents` has for each quality
    1 to 100 the lowest one that gives the same file; of those only one is
    tried, and the others are known with it. Before every attempt but the first,
    `may_continue` is called with its quality; if it returns False, the search
    ends with the best answer so far and DEADLINE_REACHED.

    `attempt_two` encodes a second quality at the same time, if it is free to,
    and returns one observation or two. The second is speculation: the search
    uses it when it would have tried that quality next. So the answer does not
    depend on whether a second core was free.

    `roughness` says how far this image's curve may turn back; without it,
    `prior.allowance` does. On a curve that keeps to that, the answer is the one
    that trying every quality would find.
    """
    choice = Choice(objective, low, high, prior, equivalents, roughness)
    ready: dict[int, Observation] = {}
    while not choice.settled:
        quality = choice.next() if choice.seen or first is None else min(max(first, low), high)
        if quality not in ready:
            if choice.seen and not may_continue(quality):
                best = objective.best([*choice.seen, *ready.values()], low, high)
                return Found(best, Outcome.DEADLINE_REACHED)
            for one in _attempted(quality, ready, choice, attempt, attempt_two, may_continue):
                ready[one.quality] = one
        one = ready.pop(quality)
        if objective.finished(one):
            return Found(one, objective.outcome(one, choice.seen, low, high))
        choice.take(one)
    best = objective.best(choice.seen, low, high)
    return Found(best, objective.outcome(best, choice.seen, low, high))


def _attempted(
    quality: int,
    known: Container[int],
    choice: Choice,
    attempt: Callable[[int], Observation],
    attempt_two: Callable[[int, int], Sequence[Observation]] | None,
    may_continue: Callable[[int], bool],
) -> Sequence[Observation]:
    other = None if attempt_two is None else choice.beside(quality, known)
    if attempt_two is None or other is None or not may_continue(max(quality, other)):
        return [attempt(quality)]
    return attempt_two(quality, other)
