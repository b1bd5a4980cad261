"""Near-lossless WebP: the smallest level that looks good enough, where it beats other files."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from autoquality_core.formats import Encoder, WebpEncoder, WebpOptions
from autoquality_core.formats.webp import NEAR_LOSSLESS_LEVELS
from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import DSSIM, SSIMULACRA2
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.pipeline.methods import has_near_lossless, search_near_lossless
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Format,
    Limits,
    Lossless,
    Method,
    Outcome,
    RawSource,
    ResolvedTarget,
    TargetSpec,
    Verdict,
)
from tests.photos import animation
from tests.pipeline.kept import Impatient
from tests.pipeline.test_candidates import LIMITS, drawing, encode

WIDTH, HEIGHT = 320, 240
(NEAR,) = (one for one in WebpEncoder().variants(grey=False) if one.near_lossless is not None)
EXCELLENT = TargetSpec(Method.SSIMULACRA2, 85.0, 10, 95, 1.0)


@cache
def interface() -> Pixels:
    """A window with shading, some noise, and coloured glyphs with soft edges."""
    chance = np.random.default_rng(1)
    fine = np.full((4 * HEIGHT, 4 * WIDTH, 3), 246.0)
    fine[: HEIGHT // 2] = (60, 70, 90)
    fine += np.linspace(-12, 8, 4 * WIDTH)[:, None]
    for top in range(HEIGHT, 4 * HEIGHT - 64, 60):
        for left in range(40, 4 * WIDTH - 80, 36):
            colour = chance.integers(0, 200, 3)
            for across in chance.random(3) < 0.5:
                a, b = chance.integers(0, (30, 20))
                if across:
                    fine[top + a : top + a + 5, left : left + 24] = colour
                else:
                    fine[top : top + 34, left + b : left + b + 5] = colour
    samples = fine.reshape(HEIGHT, 4, WIDTH, 4, 3).mean((1, 3)).round()
    samples += chance.integers(-3, 4, samples.shape) * (chance.random((HEIGHT, WIDTH, 1)) < 0.02)
    return Pixels(samples.clip(0, 255).astype(np.uint8)[None])


def raw(pixels: Pixels) -> RawSource:
    return RawSource(pixels.width, pixels.height, pixels.bands, pixels.samples.tobytes())


def level(one: int) -> Encoder:
    return NEAR.at_level(one)


@cache
def known(one: int) -> tuple[int, float, float]:
    """Bytes, SSIMULACRA2 and DSSIM of a level, from encoding it apart from any search."""
    data = level(one).encode(interface(), 0)
    decoded = open_image(data, LIMITS).decode(all_frames=False)
    scores = (metric.compare(interface(), decoded) for metric in (SSIMULACRA2, DSSIM))
    return (len(data), *scores)  # type: ignore[return-value]


def resolved(target: float, **limits: float) -> ResolvedTarget:
    held = Limits(scores=limits) if limits else Limits()
    return ResolvedTarget(Method.SSIMULACRA2, target, 10, 95, 1.0, "ssimulacra2", held)


def search(
    target: float, deadline: Deadline | None = None, **limits: float
) -> tuple[Session, Outcome]:
    session = Session(interface(), NEAR, deadline or Deadline())
    answer = search_near_lossless(session, resolved(target, **limits))
    return session, answer.outcome


def webp(lossless: Lossless = Lossless.SMALLER, spec: TargetSpec = EXCELLENT) -> EncodeResult:
    options = WebpOptions(lossless=lossless)
    return encode(spec, (), raw(interface()), fmt=Format.WEBP, webp=options)


def test_a_lower_level_changes_more_and_is_not_exact() -> None:
    sizes, scores, _ = zip(*map(known, NEAR_LOSSLESS_LEVELS), strict=True)
    assert scores[0] < scores[2] < scores[4] < 100
    assert sizes[0] < sizes[4]
    assert not any(level(one).lossless for one in NEAR_LOSSLESS_LEVELS)


@pytest.mark.parametrize("target", [60.0, 70.0, 80.0, 85.0, 88.0, 90.0, 92.0, 94.0])
def test_the_answer_is_that_of_trying_every_level(target: float) -> None:
    enough = [one for one in NEAR_LOSSLESS_LEVELS if known(one)[1] >= target - 1]
    session, outcome = search(target)
    assert outcome is (Outcome.LOSSLESS_SMALLER if enough else Outcome.MAX_QUALITY_REACHED)
    if enough:
        smallest = min(enough, key=lambda one: known(one)[0])
        assert session.encoder == level(smallest)
        assert session.size(0) == known(smallest)[0]
        assert session.scores(0)["ssimulacra2"] == pytest.approx(known(smallest)[1], abs=0.005)


def test_limits_on_scores_hold() -> None:
    _, _, worst = known(60)
    session, outcome = search(70.0, dssim=worst * 1.001)
    assert outcome is Outcome.LOSSLESS_SMALLER
    assert session.scores(0)["dssim"] <= worst * 1.001
    assert search(70.0, ssimulacra2=99.9)[1] is Outcome.MAX_QUALITY_REACHED


def test_a_deadline_ends_the_search_with_a_file_that_is_good_enough_or_none() -> None:
    session, outcome = search(85.0, Impatient())
    assert (outcome, len(session.probes)) == (Outcome.LOSSLESS_SMALLER, 1)
    session, outcome = search(85.0, Impatient(), ssimulacra2=99.9)
    assert (outcome, len(session.probes)) == (Outcome.DEADLINE_REACHED, 1)


def test_it_is_the_answer_where_it_is_smaller_than_lossy_and_lossless_files() -> None:
    result = webp()
    assert (result.near_lossless, result.lossless, result.quality) == (20, False, 0)
    assert result.outcome is Outcome.LOSSLESS_SMALLER
    assert result.image == level(20).encode(interface(), 0)
    assert result.scores["ssimulacra2"] >= 84
    assert len(result.image) < 0.9 * len(webp(Lossless.ALWAYS).image)
    assert len(result.image) < 0.9 * len(webp(Lossless.NEVER).image)
    (chosen,) = (one for one in result.candidates if one.verdict is Verdict.CHOSEN)
    assert (chosen.near_lossless, chosen.size_bytes) == (20, len(result.image))
    assert chosen.score == result.scores["ssimulacra2"]
    assert {one.near_lossless for one in result.probes} >= {None, 20}


def test_the_lossless_file_is_made_before_near_lossless_ones() -> None:
    """It costs less, and the bytes of the others are predicted from it."""
    made = [(one.lossless, one.near_lossless) for one in webp().probes]
    first = next(at for at, (_, near) in enumerate(made) if near is not None)
    assert made[first - 1] == (True, None)


def test_never_means_neither_lossless_nor_near_lossless() -> None:
    result = webp(Lossless.NEVER)
    assert (result.near_lossless, result.candidates) == (None, ())


@pytest.mark.parametrize(
    "spec",
    [
        TargetSpec(Method.NONE),
        TargetSpec(Method.DSSIM, 0.001, 10, 95, 0.0005),
        TargetSpec(Method.SIZE, 12_000, 10, 95),
    ],
)
def test_other_methods_do_not_consider_it(spec: TargetSpec) -> None:
    result = webp(spec=spec)
    assert all(one.near_lossless is None for one in result.candidates)
    assert all(one.near_lossless is None for one in result.probes)


def test_images_without_a_search_do_not_consider_it() -> None:
    pipeline = Pipeline(Defaults(), LIMITS, max_search_pixels=1000)
    result = encode(EXCELLENT, (), raw(interface()), fmt=Format.WEBP, pipeline=pipeline)
    assert all(one.near_lossless is None for one in result.candidates)


def test_it_is_considered_for_stills_with_more_colours_than_a_palette() -> None:
    target = resolved(85.0)
    assert has_near_lossless(interface(), target)
    few = np.frombuffer(drawing().pixels, np.uint8).reshape(1, 240, 320, 3)
    assert not has_near_lossless(Pixels(few), target)
    colours = (np.arange(257) % 256).astype(np.uint8).repeat(3).reshape(1, 1, 257, 3).copy()
    colours[0, 0, 256, 0] = 1
    assert has_near_lossless(Pixels(colours), target)
    assert not has_near_lossless(Pixels(colours[:, :, :256]), target)
    moving = open_image(animation(side=64), ImageLimits(2**26, 2**26)).decode(all_frames=True)
    assert not has_near_lossless(moving, target)
