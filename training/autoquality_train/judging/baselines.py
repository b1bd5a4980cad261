"""Searches that know nothing, to compare with: bisection and secant.

Both take the curve to be monotone: each probe closes the range on one side.
They stop on the first probe that is good enough, or when nothing is open.
"""

from __future__ import annotations

from collections.abc import Callable

from autoquality_core.search import Goal, Observation
from autoquality_train.judging.goal import Searched

Attempt = Callable[[int], Observation]
Choose = Callable[[int, int, list[tuple[int, float]]], int]
"""Given the open range and the probes so far (quality, value), the next quality."""

USUAL_SLOPE = 0.045
"""-log DSSIM gained by one quality step, about, by any format in the middle of its range."""


def bisection(objective: Goal, low: int, high: int, attempt: Attempt) -> Searched:
    """Always the middle of what is open."""
    return _narrow(objective, low, high, attempt, lambda least, most, _: (least + most) // 2)


def secant(objective: Goal, low: int, high: int, attempt: Attempt) -> Searched:
    """Where the line through the two latest probes crosses the target.

    The first probe is the middle, the second follows from the usual slope.
    """

    def crossing(least: int, most: int, probes: list[tuple[int, float]]) -> int:
        if not probes:
            return (least + most) // 2
        quality, value = probes[-1]
        slope = USUAL_SLOPE
        if len(probes) > 1:
            before, was = probes[-2]
            slope = (value - was) / (quality - before)
        if slope <= 0:
            return (least + most) // 2
        step = (objective.aim - value) / slope
        return min(max(round(quality + max(min(step, 100.0), -100.0)), least), most)

    return _narrow(objective, low, high, attempt, crossing)


def _narrow(objective: Goal, low: int, high: int, attempt: Attempt, choose: Choose) -> Searched:
    seen: list[Observation] = []
    probes: list[tuple[int, float]] = []
    least, most = low, high
    while least <= most:
        quality = choose(least, most, probes)
        one = attempt(quality)
        seen.append(one)
        if objective.finished(one):
            return Searched(quality, len(seen))
        probes.append((quality, objective.values(one)[0]))
        if probes[-1][1] <= objective.aim:
            least = quality + 1
        else:
            most = quality - 1
    return Searched(objective.best(seen, low, high).quality, len(seen))
