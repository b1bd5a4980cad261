"""The answer that trying every quality finds: `search` must find the same one."""

from __future__ import annotations

from collections.abc import Callable

from autoquality_core.search.base import Goal, Observation
from autoquality_core.search.engine import Found
from autoquality_core.types import Outcome

_FINISHED = (Outcome.TARGET_MET, Outcome.MAX_DSSIM_REACHED, Outcome.MIN_SSIMULACRA2_REACHED)


def oracle(goal: Goal, low: int, high: int, attempt: Callable[[int], Observation]) -> Found:
    """Try every quality in [low, high].

    If several are good enough (`Goal.finished`), any of them is right; this returns the lowest.
    """
    seen = [attempt(quality) for quality in range(low, high + 1)]
    best = goal.best(seen, low, high)
    return Found(best, goal.outcome(best, seen, low, high))


def agree(goal: Goal, found: Found, expected: Found) -> bool:
    """True if a search's answer is as good as the oracle's, with the same outcome.

    Of the nearest scores, any is right, and of those that are close enough to a limit, too.
    """
    if goal.finished(found.best) and found.outcome in _FINISHED:
        return True
    if found.outcome is not expected.outcome:
        return False
    if goal.finished(found.best):
        return True
    ours, theirs = goal.values(found.best), goal.values(expected.best)
    nearest = expected.outcome is Outcome.NEAREST_QUALITY
    return ours[0] == theirs[0] if nearest else ours == theirs
