"""What trying every quality finds: the answer that `search` must find without doing so."""

from __future__ import annotations

from collections.abc import Callable

from autoquality_core.search.engine import Found
from autoquality_core.search.objective import Objective, Observation


def oracle(
    objective: Objective, low: int, high: int, attempt: Callable[[int], Observation]
) -> Found:
    """Try every quality in [low, high].

    Where several are good enough (`Objective.finished`), any of them is right;
    this returns the lowest.
    """
    seen = [attempt(quality) for quality in range(low, high + 1)]
    best = objective.best(seen, low, high)
    return Found(best, objective.outcome(best, seen, low, high))


def agree(objective: Objective, found: Found, expected: Found) -> bool:
    """Whether a search's answer is as good as the oracle's, and says the same of it."""
    if found.outcome is not expected.outcome:
        return False
    if objective.finished(expected.best):
        return objective.finished(found.best)
    return objective.value(found.best) == objective.value(expected.best)
