"""The loop: try a quality, learn, stop when nothing untried can change the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoquality_server.domain import Outcome
from autoquality_server.search.bounds import Bounds
from autoquality_server.search.curve import CurveModel, CurvePrior, FloatArray
from autoquality_server.search.objective import Objective, Observation

__all__ = ["Found", "Observation", "chance", "search"]

CONFIDENT = 0.4
"""A probability of ending the search from which a quality is tried for that reason alone."""

PATIENCE = 6
"""Probes that the curve model chooses alone. From then on every second one bisects what is open:
a curve unlike any the model knows must not be walked along step by step."""


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
            quality = _next(objective, model, bounds.qualities, open_, seen, tries)
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
    score = _score(objective, CurveModel(prior), np.arange(low, high + 1))
    return float(score.max())


def _score(
    objective: Objective, model: CurveModel, qualities: np.ndarray[tuple[int], np.dtype[np.int_]]
) -> FloatArray:
    """How likely each quality is to end the search, over all that the curve may come from."""
    score = np.zeros(qualities.size)
    for belief in model.posterior():
        deviation = model.deviation(belief)[qualities - 1]
        score += belief.weight * objective.score(belief.mean[qualities - 1], deviation)
    return score


def _next(
    objective: Objective,
    model: CurveModel,
    qualities: np.ndarray[tuple[int], np.dtype[np.int_]],
    open_: np.ndarray[tuple[int], np.dtype[np.bool_]],
    seen: list[Observation],
    tries: int,
) -> int:
    """The open quality that is most likely to end the search."""
    choice = qualities[open_]
    if tries >= PATIENCE and tries % 2 == 0:
        return int(choice[choice.size // 2])
    score = _score(objective, model, qualities)
    if score.max() < CONFIDENT:
        # Nothing is likely: learn most where the curve is expected to cross.
        mean = max(model.posterior(), key=lambda belief: belief.weight).mean[qualities - 1]
        return int(choice[np.argmin(np.abs(mean[open_] - objective.aim))])
    likely = int(qualities[np.argmax(score)])
    above = choice[choice > likely]
    if any(one.quality == likely for one in seen) and above.size:
        # The likely answer is in hand already: try what would refute it.
        return int(above[0])
    return int(choice[np.argmax(score[open_])])
