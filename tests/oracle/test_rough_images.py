"""On images whose curves turn back anywhere, the search ends soon, with a file of its own quality.

It seldom misses what trying every quality finds; `python -m bench.exhaustive` measures how often.
"""

from __future__ import annotations

from itertools import cycle

import numpy as np
import pytest

from autoquality_core.formats import AvifEncoder, encoder_for
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import DSSIM, SSIMULACRA2, Metric
from autoquality_core.pipeline.methods import ScoreSearch, search_by_size
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.search.acquisition import MOST
from autoquality_core.types import Format, Method, Outcome, ResolvedTarget
from autoquality_train.labels.sweeps import SETTINGS
from bench.drawings import animation, drawing
from bench.exhaustive import FIRST_SEED, Verdict, judge
from tests.photos import photo

PIXELS = 5000
"""The most in a drawing, to be quick."""


def drawn() -> dict[str, np.ndarray]:
    """A small drawing of each kind, with 1, 3 or 4 bands."""
    found: dict[str, np.ndarray] = {}
    for seed in range(FIRST_SEED, FIRST_SEED + 60):
        name, samples = drawing(seed)
        height, width, _ = samples.shape
        if height * width < PIXELS:
            found.setdefault(name.partition("-")[0], samples)
    return found


DRAWN = drawn()


def check(judged: list[Verdict]) -> None:
    assert judged
    for one in judged:
        assert not one.wrong
        assert one.encodings <= 4 * MOST  # more than one search, under limits
    assert sum(bool(one.missed) for one in judged) <= len(judged) / 4


@pytest.mark.parametrize(("name", "setting"), list(zip(DRAWN, cycle(SETTINGS), strict=False)))
def test_most_answers_are_those_of_every_quality_and_all_can_be_made_again(
    name: str, setting: str
) -> None:
    """By every method that searches, and as the same file by method none."""
    pixels = Pixels(DRAWN[name][None])
    check(judge(name, pixels, 1, searches=2, settings=[setting]))


def test_so_are_those_of_an_animation() -> None:
    judged = judge("animation", animation(16), 16, searches=2)
    assert {one.setting for one in judged} == {"webp", "jxl"}
    check(judged)


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.AVIF, Format.JXL])
@pytest.mark.parametrize("metric", [DSSIM, SSIMULACRA2])
def test_of_a_flat_image_the_lowest_quality_looks_too_good_and_is_the_answer(
    fmt: Format, metric: Metric
) -> None:
    pixels = Pixels(np.full((1, 60, 80, 3), 255, np.uint8))
    session = Session(pixels, encoder_for(fmt), Deadline())
    target = metric.default_target
    resolved = ResolvedTarget(Method(metric.name), target, 10, 95, metric.default_allowed_error)
    answer = ScoreSearch(metric).run(session, resolved)
    assert (answer.quality, answer.outcome) == (10, Outcome.MIN_QUALITY_REACHED)
    assert len(session.probes) <= 2


def checks() -> Pixels:
    """A checkerboard: from quality 90 on, its AVIF is smaller than from 40 to 89."""
    y, x = np.mgrid[:64, :64]
    two = np.array([[255, 255, 255], [0, 0, 0]], np.uint8)
    return Pixels(two[(y // 4 + x // 4) % 2][None])


def test_a_budget_that_only_the_upper_end_fits_is_met_there() -> None:
    """Where chroma is kept whole, from quality 90 on, flat graphics may take fewer bytes."""
    session = Session(checks(), AvifEncoder(), Deadline())
    sizes = [session.probe(quality).size_bytes for quality in range(1, 101)]
    low = 40
    least = min(range(low, 101), key=lambda quality: sizes[quality - 1])
    assert least >= 90, "the image shows what it is meant to"
    resolved = ResolvedTarget(Method.SIZE, sizes[least - 1], low, 100, 0.0)
    fresh = Session(checks(), AvifEncoder(), Deadline())
    answer = search_by_size(fresh, resolved)
    assert answer.outcome is Outcome.TARGET_MET
    assert len(fresh.file(answer.quality)) == sizes[least - 1]


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.AVIF])
def test_nothing_fits_only_after_the_other_end_was_tried(fmt: Format) -> None:
    _, samples = drawing(FIRST_SEED + 11)
    pixels = Pixels(samples[None, ..., :3])
    session = Session(pixels, encoder_for(fmt), Deadline())
    answer = search_by_size(session, ResolvedTarget(Method.SIZE, 20, 30, 95, 0.0))
    assert (answer.quality, answer.outcome) == (30, Outcome.MIN_QUALITY_REACHED)
    assert {30, 95} <= {one.quality for one in session.probes}


def test_a_bound_of_a_photograph_takes_a_probe_or_two() -> None:
    """In the default range most DSSIM lie on one side of the target."""
    counts = []
    settings = ((Format.JPEG, 70, 80), (Format.WEBP, 70, 80), (Format.AVIF, 60, 65))
    for name in ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg"):
        pixels = open_image(photo(name), ImageLimits(2**26, 2**26)).decode(all_frames=False)
        for fmt, low, high in settings:
            for target in (0.02, 0.03):
                session = Session(pixels, encoder_for(fmt), Deadline())
                resolved = ResolvedTarget(Method.DSSIM, target, low, high, 0.001)
                answer = ScoreSearch(DSSIM).run(session, resolved)
                if answer.outcome in (Outcome.MIN_QUALITY_REACHED, Outcome.MAX_QUALITY_REACHED):
                    counts.append(len(session.probes))
    assert len(counts) >= 12
    assert max(counts) <= 2
