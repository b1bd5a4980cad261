"""The loop: try a quality, learn, stop when nothing untried can change the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoquality_server.domain import Outcome
from autoquality_server.search.bounds import Bounds
from autoquality_server.search.curve import CurveModel, CurvePrior, FloatArray
from autoquality_server.search.objective import BoolArray, IntArray, Objective, Observation

__all__ = ["Found", "Observation", "chance", "search"]

CONFIDENT = 0.4
"""A probability of ending the search from which a quality is tried for that reason alone."""

PATIENCE = 6
"""Probes that the curve model chooses alone. From then on every second one bisects what is open:
a curve unlike any the model knows must not be walked along step by step."""


_KNOWN = 1e-9
"""The standard deviation of what was seen."""


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
) -> Found:
    """Find the quality in [low, high] that `objective` asks for.

    `attempt` encodes at one quality; it is called once for each quality at
    most. `first` is the first quality to try. `first_twins` has for each quality
    1 to 100 the lowest one that gives the same encoding; of those only one is
    tried, and the others are known with it. `may_continue` is asked before
    every attempt but the first, with its quality; where it says no, the best so
    far is returned with DEADLINE_REACHED.

    Where the curve turns back by no more than `prior.allowance`, the answer is
    the one that trying every quality would find.
    """
    model = CurveModel(prior)
    bounds = Bounds(low, high, prior.allowance)
    twins = np.array(first_twins)[bounds.qualities - 1]
    seen: list[Observation] = []
    tries = 0
    while True:
        lower, upper = bounds.interval()
        open_ = objective.candidates(seen, lower, upper, high) & bounds.unprobed()
        if seen and not open_.any():
            best = objective.best(seen, low, high)
            return Found(best, objective.outcome(best, low, high))
        if not seen and first is not None:
            quality = min(max(first, low), high)
        else:
            quality = _next(objective, model, bounds.qualities, twins, open_, seen, tries)
            alike = bounds.qualities[twins == twins[quality - low]]
            # Where a search ends at a bound, the bound is what was encoded.
            quality = low if low in alike else int(alike[-1])
        if seen and not may_continue(quality):
            return Found(objective.best(seen, low, high), Outcome.DEADLINE_REACHED)
        one = attempt(quality)
        tries += 1
        seen.append(one)
        if objective.finished(one):
            return Found(one, objective.outcome(one, low, high))
        value = objective.value(one)
        model.observe(quality, value)
        for twin in map(int, bounds.qualities[twins == twins[quality - low]]):
            bounds.add(twin, value)
            if twin != quality:
                seen.append(replace(one, quality=twin))


def chance(objective: Objective, low: int, high: int, prior: CurvePrior) -> float:
    """How likely the first probe ends the search, 0 to 1, as far as `prior` can tell."""
    score = _score(objective, CurveModel(prior), np.arange(low, high + 1), [])
    return float(score.max())


def _score(
    objective: Objective, model: CurveModel, qualities: IntArray, seen: list[Observation]
) -> FloatArray:
    """How likely each quality is to end the search, over all that the curve may come from."""
    score = np.zeros(qualities.size)
    at = np.array([one.quality for one in seen], np.int_) - qualities[0]
    values = [objective.value(one) for one in seen]
    for belief in model.posterior():
        mean, deviation = belief.mean[qualities - 1], model.deviation(belief)[qualities - 1]
        mean[at], deviation[at] = values, _KNOWN  # what was tried has no noise any more
        score += belief.weight * objective.score(mean, deviation)
    return score


def _next(
    objective: Objective,
    model: CurveModel,
    qualities: IntArray,
    twins: IntArray,
    open_: BoolArray,
    seen: list[Observation],
    tries: int,
) -> int:
    """The open quality that promises most to end the search."""
    choice = qualities[open_]
    if tries >= PATIENCE and tries % 2 == 0:
        return int(choice[choice.size // 2])
    score = _score(objective, model, qualities, seen)
    promise = objective.promise(score, seen, twins, int(qualities[0]))
    if promise.max() < CONFIDENT:
        # Nothing is likely: learn most where the curve is expected to cross.
        mean = max(model.posterior(), key=lambda belief: belief.weight).mean[qualities - 1]
        return int(choice[np.argmin(np.abs(mean[open_] - objective.aim))])
    likely = int(qualities[np.argmax(promise)])
    above = choice[choice > likely]
    if any(one.quality == likely for one in seen) and above.size:
        # The likely answer is in hand already: try what would refute it.
        return int(above[0])
    return int(choice[np.argmax(promise[open_])])
