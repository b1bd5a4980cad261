"""All results for one image, format and target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from autoquality_core.networks import Prediction
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.types import Format, Method, ResolvedTarget
from autoquality_train.judging.calibration import STEPS, mass_within, transform
from autoquality_train.judging.searches import (
    Searched,
    bisection,
    first_guess_search,
    goal_of,
    ml_search,
    prior_search,
    secant,
)
from autoquality_train.judging.swept import Swept, miss
from autoquality_train.scales import SCALES

WIDE = (10, 95)
EVERYTHING = (1, 100)

SEARCHES = {
    "network": "the network (METHOD_ML)",
    "first guess": "the network's first guess, then the corpus prior",
    "prior": "only the corpus prior",
    "secant": "secant",
    "bisection": "bisection",
}
"""The searches that are compared."""


@dataclass(frozen=True, slots=True)
class Attained:
    """The results for one allowed error: encodings and quality of each search.

    `reachable` is True if any quality in the range meets the target.
    """

    error: float
    reachable: bool
    met_by_guess: bool
    iterations: Mapping[str, int]
    quality: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class InRange:
    """The results for qualities in [low, high].

    `guess` is the predicted quality, limited to the range; `right` the nearest right one; `miss`
    the steps from the right quality to the guess.
    """

    low: int
    high: int
    right: int
    right_score: float
    guess: int
    guess_score: float
    miss: int
    goals: tuple[Attained, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One image, encoded in one format for one target.

    `predicted` is the likeliest quality, and `miss` the steps to it from the right one of all 100.
    `within` has the predicted probability of a miss of at most so many steps; for `transform` see
    `calibration`.
    """

    image: str
    kind: str
    format: str
    target: float
    pixels: int
    predicted: int
    miss: int
    within: Mapping[str, float]
    transform: float
    wide: InRange
    usual: InRange


def ranges(fmt: Format) -> tuple[tuple[int, int], tuple[int, int]]:
    """The wide and the default range of a format."""
    return WIDE, Defaults().bounds_for(fmt, Method.DSSIM)


def case(swept: Swept, target: float, prediction: Prediction) -> Case:
    """Judge one prediction."""
    fmt = swept.encoder.format
    wide, usual = (_in_range(swept, target, prediction, *one) for one in ranges(fmt))
    right = swept.right_qualities(target, *EVERYTHING)
    quality, probabilities = prediction.quality, prediction.probabilities
    return Case(
        image=swept.image,
        kind=swept.kind,
        format=fmt.value,
        target=target,
        pixels=swept.pixels.width * swept.pixels.height,
        predicted=quality,
        miss=miss(quality, right),
        within={str(steps): mass_within(probabilities, quality, steps) for steps in STEPS},
        transform=transform(probabilities, right),
        wide=wide,
        usual=usual,
    )


def _in_range(swept: Swept, target: float, prediction: Prediction, low: int, high: int) -> InRange:
    guess = min(max(prediction.quality, low), high)
    right = swept.right_qualities(target, low, high)
    off = miss(guess, right)
    return InRange(
        low=low,
        high=high,
        right=guess - off,
        right_score=swept.score(guess - off),
        guess=guess,
        guess_score=swept.score(guess),
        miss=off,
        goals=tuple(
            _attained(
                swept,
                ResolvedTarget(Method.ML, target, low, high, error, swept.metric.name),
                prediction,
                guess,
            )
            for error in SCALES[swept.metric.name].errors
        ),
    )


def _attained(
    swept: Swept, resolved: ResolvedTarget, prediction: Prediction, guess: int
) -> Attained:
    goal = goal_of(resolved, swept.pixels.width * swept.pixels.height)
    low, high = resolved.min_quality, resolved.max_quality
    plain = (goal, low, high, swept.observation)
    searches: dict[str, Callable[[], Searched]] = {
        "network": partial(ml_search, swept, resolved, prediction),
        "first guess": partial(first_guess_search, swept, resolved, prediction),
        "prior": partial(prior_search, swept, resolved),
        "secant": partial(secant, *plain, swept.metric.name),
        "bisection": partial(bisection, *plain),
    }
    found = {name: run() for name, run in searches.items()}
    return Attained(
        error=resolved.allowed_error,
        reachable=swept.reachable(resolved.target, resolved.allowed_error, low, high),
        met_by_guess=goal.finished(swept.observation(guess)),
        iterations={name: one.iterations for name, one in found.items()},
        quality={name: one.quality for name, one in found.items()},
    )
