"""On real photographs and real codecs the search finds what trying every quality finds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import numpy.typing as npt
import pytest

from autoquality_core.encode.methods import Session
from autoquality_core.formats import BEST_MOZJPEG, CODECS, equivalents
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.priors import UNLEARNED, dssim_prior, size_prior
from autoquality_core.priors.features import coloured, sketch
from autoquality_core.priors.roughness import rough
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search import (
    CurvePrior,
    DssimObjective,
    Objective,
    Observation,
    Roughness,
    SizeObjective,
    search,
)
from autoquality_core.search.oracle import agree, oracle
from autoquality_core.types import EncoderOptions, Format
from tests.photos import crop

PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
SIDE = 192
SETTINGS = {
    "jpeg": (Format.JPEG, EncoderOptions()),
    "mozjpeg": (Format.JPEG, EncoderOptions(jpeg=BEST_MOZJPEG)),
    "webp": (Format.WEBP, EncoderOptions()),
    "avif": (Format.AVIF, EncoderOptions()),
}
LOW, HIGH = 10, 95
RANGES = ((LOW, HIGH), (70, 80), (30, 31), (60, 65))


@cache
def pixels_of(name: str) -> Pixels:
    return open_image(crop(name, SIDE, SIDE), ImageLimits(2**24, 2**24)).decode(all_frames=False)


@cache
def sketch_of(name: str) -> npt.NDArray[np.float64]:
    return sketch(pixels_of(name))


@cache
def coloured_of(name: str) -> npt.NDArray[np.float64]:
    return coloured(sketch_of(name), pixels_of(name))


@cache
def sweep(name: str, setting: str) -> dict[int, Observation]:
    """Every quality of one photograph, encoded and measured as a request would."""
    fmt, options = SETTINGS[setting]
    trial = Session(pixels_of(name), CODECS[fmt], options, Deadline())
    probes = [trial.probe(quality, measure=True) for quality in range(LOW, HIGH + 1)]
    return {one.quality: Observation(one.quality, one.size_bytes, one.dssim) for one in probes}


def check(
    curve: dict[int, Observation],
    objective: Objective,
    prior: CurvePrior,
    low: int,
    high: int,
    equivalents: tuple[int, ...],
    roughness: Callable[[], Roughness] | None = None,
) -> int:
    """Compare the search with the oracle; how many encodings the search took."""
    tried: list[int] = []

    def attempt(quality: int) -> Observation:
        tried.append(quality)
        return curve[quality]

    found = search(
        *(objective, low, high, attempt),
        prior=prior,
        equivalents=equivalents,
        roughness=roughness,
    )
    expected = oracle(objective, low, high, curve.__getitem__)
    assert agree(objective, found, expected), (objective, low, high, found, expected)
    return len(tried)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", PHOTOS)
def test_dssim_agrees_with_the_oracle(name: str, setting: str) -> None:
    curve, (fmt, options) = sweep(name, setting), SETTINGS[setting]
    twins = equivalents(fmt, options)
    usual = (dssim_prior(fmt, options, SIDE * SIDE, told) for told in (None, sketch_of(name)))
    for prior in (*usual, UNLEARNED["dssim"]):
        for low, high in RANGES:
            for target in (0.002, 0.005, 0.01, 0.02, 0.04, 0.08):
                for error in (0.0, 0.0005, 0.001, 0.002):
                    check(curve, DssimObjective(target, error), prior, low, high, twins)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", PHOTOS)
def test_size_agrees_with_the_oracle(name: str, setting: str) -> None:
    curve, (fmt, options) = sweep(name, setting), SETTINGS[setting]
    twins = equivalents(fmt, options)
    sizes = [one.size_bytes for one in curve.values()]
    budgets = [min(sizes) - 1, *sizes[::7], *(size + 3 for size in sizes[::9]), max(sizes) + 1]
    usual = (size_prior(fmt, options, SIDE * SIDE, told) for told in (None, coloured_of(name)))
    for prior in (*usual, UNLEARNED["size"]):
        for low, high in RANGES:
            for budget in budgets:
                goal = SizeObjective(budget, SIDE * SIDE)
                look = partial(rough, pixels_of(name), fmt, options, "size", budget)
                check(curve, goal, prior, low, high, twins, look)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_learned_prior_needs_few_encodings(setting: str) -> None:
    """The mean over photographs and targets, in the wide range at the default allowed error."""
    fmt, options = SETTINGS[setting]
    counts = [
        check(
            sweep(name, setting),
            DssimObjective(target, 0.001),
            dssim_prior(fmt, options, SIDE * SIDE),
            10,
            95,
            equivalents(fmt, options),
        )
        for name in PHOTOS
        for target in (0.01, 0.02)
    ]
    assert sum(counts) / len(counts) < 3


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_sketch_saves_encodings(setting: str) -> None:
    """Over photographs, targets and budgets, against the same search without one."""
    fmt, options = SETTINGS[setting]
    twins = equivalents(fmt, options)
    without = with_one = 0
    for name in PHOTOS:
        curve, told, area = sweep(name, setting), sketch_of(name), SIDE * SIDE
        for target in (0.005, 0.01, 0.02, 0.04):
            goal = DssimObjective(target, 0.001)
            without += check(curve, goal, dssim_prior(fmt, options, area), LOW, HIGH, twins)
            with_one += check(curve, goal, dssim_prior(fmt, options, area, told), LOW, HIGH, twins)
        for quality in (30, 50, 70, 90):
            budget = SizeObjective(curve[quality].size_bytes + 2, area)
            without += check(curve, budget, size_prior(fmt, options, area), LOW, HIGH, twins)
            prior = size_prior(fmt, options, area, coloured_of(name))
            with_one += check(curve, budget, prior, LOW, HIGH, twins)
    assert with_one < 0.9 * without
