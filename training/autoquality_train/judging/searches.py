"""The searches that are compared: the service's own, bisection and secant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autoquality_core.metrics import DSSIM, METRICS
from autoquality_core.networks import Prediction
from autoquality_core.pipeline.methods import ScoreSearch
from autoquality_core.priors import score_prior
from autoquality_core.search import Goal, Observation, ScoreGoal, SizeGoal, search
from autoquality_core.types import Method, ResolvedTarget
from autoquality_train.judging.swept import Swept, SweptSession

Attempt = Callable[[int], Observation]
Choose = Callable[[int, int, list[tuple[int, float]]], int]
"""Given the open range and the probes so far (quality, value), returns the next quality."""

USUAL_SLOPES = {"dssim": 0.045, "ssimulacra2": 0.025}
"""How much the value of a metric rises with one quality step, in the middle of the range."""


@dataclass(frozen=True, slots=True)
class Searched:
    """The quality that a search found, and how many encodings it took."""

    quality: int
    iterations: int


def goal_of(resolved: ResolvedTarget, pixels: int) -> ScoreGoal | SizeGoal:
    """What the core's search looks for to reach a target without limits, in `pixels`."""
    if resolved.method is Method.SIZE:
        return SizeGoal(resolved.target, pixels, resolved.allowed_error * resolved.target)
    metric = METRICS[resolved.metric or DSSIM.name]
    return ScoreGoal(metric, resolved.target, resolved.allowed_error)


def ml_search(swept: Swept, resolved: ResolvedTarget, prediction: Prediction) -> Searched:
    """METHOD_ML with a prediction."""
    session = SweptSession(swept)
    answer = ScoreSearch(swept.metric).search(session, resolved, prediction)
    return Searched(answer.quality, len(session.probes))


def prior_search(swept: Swept, resolved: ResolvedTarget) -> Searched:
    """The search of a metric's own method, without a network."""
    session = SweptSession(swept)
    answer = ScoreSearch(swept.metric).run(session, resolved)
    return Searched(answer.quality, len(session.probes))


def first_guess_search(swept: Swept, resolved: ResolvedTarget, prediction: Prediction) -> Searched:
    """As `prior_search`, but tries the likeliest quality first; ignores the predicted curve."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return swept.observation(quality)

    area = swept.pixels.width * swept.pixels.height
    found = search(
        goal_of(resolved, area),
        resolved.min_quality,
        resolved.max_quality,
        attempt,
        prior=score_prior(swept.encoder, swept.metric, area),
        first=prediction.quality,
        equivalents=swept.encoder.equivalents(has_alpha=swept.pixels.has_alpha),
    )
    return Searched(found.best.quality, len(tried))


def bisection(goal: Goal, low: int, high: int, attempt: Attempt) -> Searched:
    """Always tries the middle of the open range."""
    return _narrow(goal, low, high, attempt, lambda least, most, _: (least + most) // 2)


def secant(goal: Goal, low: int, high: int, attempt: Attempt, metric: str = DSSIM.name) -> Searched:
    """Tries where the line through the two latest probes crosses the target.

    The first probe is the middle; the second follows from the usual slope.
    """

    def crossing(least: int, most: int, probes: list[tuple[int, float]]) -> int:
        if not probes:
            return (least + most) // 2
        quality, value = probes[-1]
        slope = USUAL_SLOPES[metric]
        if len(probes) > 1:
            before, was = probes[-2]
            slope = (value - was) / (quality - before)
        if slope <= 0:
            return (least + most) // 2
        step = (goal.aim - value) / slope
        return min(max(round(quality + max(min(step, 100.0), -100.0)), least), most)

    return _narrow(goal, low, high, attempt, crossing)


def _narrow(goal: Goal, low: int, high: int, attempt: Attempt, choose: Choose) -> Searched:
    """Search as if the curve were monotonic: each probe closes the range on one side.

    Ends with the first probe that is good enough, or when the range is closed.
    """
    seen: list[Observation] = []
    probes: list[tuple[int, float]] = []
    least, most = low, high
    while least <= most:
        quality = choose(least, most, probes)
        one = attempt(quality)
        seen.append(one)
        if goal.finished(one):
            return Searched(quality, len(seen))
        (value, *_) = goal.values(one)
        probes.append((quality, value))
        if value <= goal.aim:
            least = quality + 1
        else:
            most = quality - 1
    return Searched(goal.best(seen, low, high).quality, len(seen))
