"""Choices within a format: chroma, and files without loss."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from autoquality_core.formats import Encoder, JpegEncoder, JpegOptions, WebpEncoder, WebpOptions
from autoquality_core.images import Pixels
from autoquality_core.metrics import SSIMULACRA2
from autoquality_core.pipeline.candidates import Candidate
from autoquality_core.pipeline.choice import beliefs_about, choose
from autoquality_core.pipeline.entry import Entry
from autoquality_core.pipeline.methods import Answer
from autoquality_core.pipeline.objectives import BestScore, FewestBytes
from autoquality_core.pipeline.session import Session
from autoquality_core.priors.features import all_features
from autoquality_core.priors.formats import SizeBeliefs
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Chroma,
    Format,
    Limits,
    Lossless,
    Method,
    NoticeCode,
    Outcome,
    RawSource,
    ResolvedTarget,
    TargetSpec,
    Verdict,
)
from tests.photos import animation, crop
from tests.pipeline.kept import codes
from tests.pipeline.test_candidates import by_verdict, drawing, encode, red_on_blue


def test_chroma_auto_is_a_choice_between_two_encoders() -> None:
    auto = JpegOptions(chroma=Chroma.AUTO)
    result = encode(candidates=(), source=red_on_blue(), fmt=Format.JPEG, jpeg=auto)
    (chosen,) = by_verdict(result)[Verdict.CHOSEN]
    assert chosen.chroma is Chroma.FULL
    assert {one.chroma for one in result.candidates} == {Chroma.BY_QUALITY, Chroma.FULL}
    photo = encode(candidates=(), fmt=Format.JPEG, jpeg=auto)
    (chosen,) = by_verdict(photo)[Verdict.CHOSEN]
    same = encode(candidates=(), fmt=Format.JPEG, jpeg=JpegOptions(chroma=chosen.chroma))
    assert photo.image == same.image


@pytest.mark.parametrize("method", [Method.NONE, Method.DSSIM])
def test_chroma_auto_is_decided_without_a_search_by_other_methods(method: Method) -> None:
    spec = TargetSpec(method, 0.02 if method is Method.DSSIM else None, 10, 95)
    auto = JpegOptions(chroma=Chroma.AUTO)
    result = encode(spec, (), fmt=Format.JPEG, jpeg=auto)
    assert result.candidates == ()
    (chroma,) = {one.chroma for one in result.probes}
    assert chroma in (Chroma.BY_QUALITY, Chroma.FULL)


def test_the_default_options_of_a_photograph_cost_no_lossless_or_near_lossless_file() -> None:
    result = encode(candidates=(), fmt=Format.WEBP)
    assert not any(one.lossless or one.near_lossless is not None for one in result.probes)
    _lossy, *others = result.candidates
    assert [(one.lossless, one.near_lossless is not None) for one in others] == [
        (True, False),
        (False, True),
    ]
    assert {(one.verdict, one.predicted) for one in others} == {(Verdict.PREDICTED_LARGER, True)}


@pytest.mark.parametrize(
    "spec",
    [
        TargetSpec(Method.SSIMULACRA2, 80.0, 10, 95, 1.0),
        TargetSpec(Method.DSSIM, 0.005, 10, 95, 0.001),
        TargetSpec(Method.SIZE, 20_000, 10, 95),
    ],
)
def test_a_drawing_becomes_a_lossless_webp(spec: TargetSpec) -> None:
    result = encode(spec, (), drawing(), fmt=Format.WEBP)
    assert result.lossless
    assert (result.outcome, result.quality) == (Outcome.LOSSLESS_SMALLER, 0)
    lossy = encode(spec, (), drawing(), fmt=Format.WEBP, webp=WebpOptions(lossless=Lossless.NEVER))
    assert not lossy.lossless
    if spec.method is not Method.SIZE:
        assert len(result.image) < len(lossy.image)
    always = encode(
        spec, (), drawing(), fmt=Format.WEBP, webp=WebpOptions(lossless=Lossless.ALWAYS)
    )
    assert always.image == result.image
    assert (always.outcome, always.lossless) == (Outcome.NO_QUALITY, True)
    if spec.method is Method.SSIMULACRA2:
        assert result.scores == {"ssimulacra2": 100.0}


@pytest.mark.parametrize(
    ("spec", "outcome"),
    [
        (TargetSpec(Method.SIZE, 120, 70, 95), Outcome.MIN_QUALITY_REACHED),
        (
            TargetSpec(Method.SSIMULACRA2, 70.0, 10, 95, 1.0, limits=Limits(120)),
            Outcome.LIMITS_CONFLICT,
        ),
        (TargetSpec(Method.SIZE, 350, 70, 95, limits=Limits(120)), Outcome.LIMITS_CONFLICT),
        # No lossy file keeps the limit on scores.
        (
            TargetSpec(Method.SIZE, 120, 1, 5, limits=Limits(560, {"ssimulacra2": 95})),
            Outcome.MIN_QUALITY_REACHED,
        ),
    ],
)
def test_a_lossless_file_over_the_budget_is_no_success(spec: TargetSpec, outcome: Outcome) -> None:
    """It is the answer if it is smaller than every lossy one."""
    result = encode(spec, (), drawing(), fmt=Format.WEBP)
    assert result.lossless and len(result.image) > 120
    assert result.outcome is outcome
    exceeded = outcome is Outcome.LIMITS_CONFLICT
    assert (NoticeCode.LIMIT_EXCEEDED in codes(result)) == exceeded
    never = WebpOptions(lossless=Lossless.NEVER)
    lossy = encode(spec, (), drawing(), fmt=Format.WEBP, webp=never)
    assert len(lossy.image) > len(result.image)


def test_a_budget_without_a_limit_on_the_quality_is_for_a_lossless_file() -> None:
    """A limit below 100 allows no larger file than at that limit."""
    for highest in (99, 100):
        spec = TargetSpec(Method.SIZE, 100_000, 10, highest)
        result = encode(spec, (), crop("astronaut.png", 120, 90), fmt=Format.WEBP)
        assert result.lossless == (highest == 100)


def test_a_lossless_file_never_looks_worse() -> None:
    """Without a score of the lossy file, too, which a size alone does not need."""
    photograph = Image.open(io.BytesIO(crop("coffee.png", 120, 90))).convert("RGB")
    file = io.BytesIO()
    photograph.quantize(16).save(file, "PNG")
    spec = TargetSpec(Method.SIZE, 100_000, 70, 80)
    result = encode(spec, (), file.getvalue(), fmt=Format.WEBP)
    assert not result.lossless
    (lossless,) = (one for one in result.candidates if one.lossless)
    more = (lossless.size_bytes or 0) - len(result.image)
    assert (lossless.verdict, lossless.message) == (Verdict.LARGER, f"{more} bytes more")


def test_method_none_writes_a_lossy_webp() -> None:
    result = encode(TargetSpec(Method.NONE), (), drawing(), fmt=Format.WEBP)
    assert (result.quality, result.lossless, result.candidates) == (79, False, ())


def test_a_moving_drawing_becomes_a_lossless_webp() -> None:
    spec = TargetSpec(Method.DSSIM, 0.003, 10, 95, 0.001)
    result = encode(spec, (), animation(side=120), fmt=Format.WEBP)
    lossy = encode(
        spec,
        (),
        animation(side=120),
        fmt=Format.WEBP,
        webp=WebpOptions(lossless=Lossless.NEVER),
    )
    assert result.frames == lossy.frames == 4
    assert len(result.image) <= len(lossy.image)
    assert result.lossless


def test_hidden_colours_do_not_count_for_a_lossless_file() -> None:
    """The colours of transparent pixels are black in it, and scores do not see them."""
    samples = np.zeros((96, 128, 4), np.uint8)
    samples[..., :3] = np.random.default_rng(0).integers(0, 256, (96, 128, 3))
    samples[30:60, 40:90] = (200, 30, 30, 255)
    source = RawSource(128, 96, 4, samples.tobytes())
    result = encode(candidates=(), source=source, fmt=Format.WEBP)
    assert result.lossless
    assert result.scores["ssimulacra2"] == 100
    assert len(result.image) < 500


def entry(
    size_bytes: int,
    score: float,
    outcome: Outcome = Outcome.TARGET_MET,
    *,
    optional: bool = False,
    over: bool = False,
    at_most: bool = False,
) -> Any:
    """The part of an entry that objectives read."""
    return SimpleNamespace(
        candidate=SimpleNamespace(optional=optional),
        found=SimpleNamespace(outcome=outcome),
        size=size_bytes,
        score=score,
        over=over,
        at_most=at_most,
    )


def test_a_lossless_file_need_not_be_smaller_than_files_that_miss_the_target() -> None:
    met, missed = entry(1200, 70.0), entry(900, 68.0, Outcome.NEAREST_QUALITY)
    lossless = entry(1100, 100.0, optional=True)
    assert FewestBytes(70.0, 1.0).best([met, missed, lossless]) is lossless


def test_a_lossless_file_that_is_larger_does_not_replace_one_that_misses_the_target() -> None:
    missed = entry(900, 68.0, Outcome.MAX_QUALITY_REACHED)
    lossless = entry(5000, 100.0, optional=True)
    assert FewestBytes(70.0, 1.0).best([missed, lossless]) is missed


@pytest.mark.parametrize("outcome", [Outcome.MAX_QUALITY_REACHED, Outcome.DEADLINE_REACHED])
def test_a_near_lossless_file_that_misses_the_target_is_not_the_answer(outcome: Outcome) -> None:
    met, near = entry(900, 70.0), entry(500, 60.0, outcome, optional=True)
    assert FewestBytes(70.0, 1.0).best([met, near]) is met
    missed = entry(900, 50.0, Outcome.MAX_QUALITY_REACHED)
    assert FewestBytes(70.0, 1.0).best([missed, near]) is missed


def test_of_equal_scores_within_a_budget_the_smaller_file_wins() -> None:
    png, webp = entry(1500, 100.0), entry(800, 100.0, optional=True)
    assert BestScore(2000, needs_score=True).best([png, webp]) is webp
    # Also where it is larger than a file at the highest quality that the caller allows.
    lossy = entry(600, 80.0, at_most=True)
    assert BestScore(2000, needs_score=True).best([lossy, png, webp]) is webp
    assert BestScore(2000, needs_score=True).best([lossy, webp]) is lossy


def test_of_files_over_a_limit_on_bytes_the_smallest_wins() -> None:
    conflict = Outcome.LIMITS_CONFLICT
    larger, smaller = entry(1500, 60.0, conflict, over=True), entry(900, 40.0, conflict, over=True)
    assert FewestBytes(70.0, 1.0).best([larger, smaller]) is smaller
    within = entry(800, 20.0, Outcome.MAX_BYTES_REACHED)
    assert FewestBytes(70.0, 1.0).best([larger, smaller, within]) is within


class Probes:
    """A handler that tries four qualities, and ends early only if it must."""

    def run(self, session: Session, resolved: ResolvedTarget) -> Answer:
        for quality in (50, 60, 70, 80):
            if session.probes and not session.may_continue(quality):
                return Answer(session.probes[-1].quality, Outcome.DEADLINE_REACHED, resolved)
            if not session.knows(quality):
                session.probe(quality, SSIMULACRA2)
        return Answer(80, Outcome.TARGET_MET, resolved)


class Alternating(FewestBytes):
    """Expects most of the entry that has been probed least."""

    def expected(self, entry: Entry, _: SizeBeliefs) -> float:
        return len(entry.session.probes)


NOISE = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 4), np.uint8)


def entry_of(encoder: Encoder, samples: npt.NDArray[np.uint8]) -> Entry:
    pixels = Pixels(samples)
    resolved = ResolvedTarget(Method.SSIMULACRA2, 70.0, 10, 95, 1.0, SSIMULACRA2.name)
    session = Session(pixels, encoder, Deadline())
    return Entry(Candidate(encoder, pixels), encoder, session, Probes().run, resolved)


def test_a_search_that_was_paused_is_not_ended_when_another_looks_better_again() -> None:
    entries = [entry_of(encoder, NOISE[:1, ..., :3]) for encoder in (JpegEncoder(), WebpEncoder())]
    _, tried = choose(entries, Alternating(70.0), beliefs_about(entries))
    assert all(one.paused for one in tried)
    assert {one.found.outcome for one in tried if one.answer} == {Outcome.TARGET_MET}


def test_the_features_of_an_opaque_frame_say_less_of_alpha_and_least_of_animations() -> None:
    """A less certain prediction may save more."""

    def saving(samples: npt.NDArray[np.uint8], doubt: float | None = None) -> float:
        one = entry_of(WebpEncoder(), samples)
        beliefs = beliefs_about([one])
        if doubt is not None:
            features = all_features(one.session.pixels)
            beliefs = SizeBeliefs([one.encoder], one.session.pixel_count, features, doubt=doubt)
        usual = round(beliefs.bytes_at(one.encoder, 70.0))
        return beliefs.saving(one.encoder, 70.0, usual)

    opaque, clear, moving = NOISE[:1, ..., :3], NOISE[:1], NOISE[..., :3]
    assert saving(opaque) == saving(opaque, 0.0)
    assert saving(clear) > saving(clear, 0.0)
    assert saving(moving) > saving(moving, 0.3)
