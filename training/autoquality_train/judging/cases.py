"""One image, format and target: all that is found out."""

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
    dssim_search,
    first_guess_search,
    goal_of,
    ml_search,
    secant,
)
from autoquality_train.judging.swept import Swept, miss

TARGETS = (0.005, 0.01, 0.02, 0.04)
ERRORS = (0.001, 0.002)
WIDE = (10, 95)
EVERYTHING = (1, 100)

SEARCHES = {
    "network": "the network (METHOD_ML)",
    "first guess": "the network's first guess, then the corpus prior",
    "prior": "the corpus prior alone (METHOD_DSSIM)",
    "secant": "secant",
    "bisection": "bisection",
}
"""The searches that are compared, in words."""


@dataclass(frozen=True, slots=True)
class Attained:
    """One goal: whether any quality meets it, and what each search cost and answered."""

    error: float
    reachable: bool
    met_by_guess: bool
    iterations: Mapping[str, int]
    quality: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class InRange:
    """What holds in [low, high].

    `guess` is the predicted quality brought into the range; `right` the right
    one nearest to it, `miss` how many steps the guess is above it.
    """

    low: int
    high: int
    right: int
    right_dssim: float
    guess: int
    guess_dssim: float
    miss: int
    goals: tuple[Attained, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One image by one format at one target.

    `predicted` is the likeliest quality, `miss` how many steps it is above the
    right one of all 100; `within` the predicted probability that it misses by
    no more than so many steps; `transform` see `calibration`.
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
    """The wide range and the default one of a format."""
    return WIDE, Defaults().bounds_for(fmt)


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
        right_dssim=swept.dssim(guess - off),
        guess=guess,
        guess_dssim=swept.dssim(guess),
        miss=off,
        goals=tuple(
            _attained(
                swept, ResolvedTarget(Method.DSSIM, target, low, high, error), prediction, guess
            )
            for error in ERRORS
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
        "prior": partial(dssim_search, swept, resolved),
        "secant": partial(secant, *plain),
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
