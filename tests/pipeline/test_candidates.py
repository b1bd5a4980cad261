"""Several formats: the best file wins, is that of a request for its format, and says why."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

import autoquality_core as aq
from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import EncoderOptions, JxlOptions, WebpEncoder, WebpOptions
from autoquality_core.images import ImageLimits, Pixels
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import Considered, EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    ColorProfile,
    Format,
    Limits,
    Lossless,
    Method,
    NoticeCode,
    Outcome,
    RawSource,
    TargetSpec,
    Verdict,
)
from tests.images.files import with_profile
from tests.images.metadata_files import saved
from tests.photos import animation, crop, with_alpha

LIMITS = ImageLimits(2**26, 50_000_000)
PIPELINE = Pipeline(Defaults(), LIMITS)
PHOTO = crop("astronaut.png", 200, 150)
EVERY = (Format.JPEG, Format.WEBP, Format.AVIF, Format.JXL)
HIGH = TargetSpec(Method.SSIMULACRA2, 70.0, 10, 95, 1.0)


def encode(
    spec: TargetSpec = HIGH,
    candidates: tuple[Format, ...] = EVERY,
    source: bytes | RawSource = PHOTO,
    *,
    fmt: Format | None = None,
    pipeline: Pipeline = PIPELINE,
    deadline: Deadline | None = None,
    **options: Any,
) -> EncodeResult:
    made = EncoderOptions(**options)
    job = EncodeJob(source, fmt, spec, None, made, candidates=candidates)
    return pipeline.encode(job, deadline or Deadline())


def size(budget: float) -> TargetSpec:
    return TargetSpec(Method.SIZE, budget, 10, 95)


def drawing(width: int = 320, height: int = 240) -> RawSource:
    samples = np.full((height, width, 3), 250, np.uint8)
    samples[: height // 8] = (32, 80, 180)
    for row in range(height // 4, height - 20, 12):
        samples[row : row + 2, 20 : width - 20 - (row * 7) % 90] = (30, 30, 40)
    return RawSource(width, height, 3, samples.tobytes())


class Short(Deadline):
    """A deadline that always leaves as much: time for two probes of a JPEG, not of an AVIF."""

    def remaining(self) -> float:
        return 0.85


def red_on_blue() -> RawSource:
    """A grid of thin lines whose colour differs from its surroundings, and not its brightness."""
    samples = np.full((120, 160, 3), (20, 20, 200), np.uint8)
    samples[::3, :, :] = (220, 20, 20)
    samples[:, ::5, :] = (220, 20, 20)
    return RawSource(160, 120, 3, samples.tobytes())


@cache
def usual() -> EncodeResult:
    """The answer to a request with all defaults above."""
    return encode()


def by_verdict(result: EncodeResult) -> dict[Verdict, list[Considered]]:
    found: dict[Verdict, list[Considered]] = {}
    for one in result.candidates:
        found.setdefault(one.verdict, []).append(one)
    return found


@pytest.mark.parametrize("target", [50.0, 70.0, 85.0])
def test_the_answer_is_that_of_a_request_for_its_format_alone(target: float) -> None:
    spec = TargetSpec(Method.SSIMULACRA2, target, 10, 95, 1.0)
    result = encode(spec)
    alone = encode(spec, (), fmt=result.format)
    assert result.image == alone.image
    assert (result.quality, result.scores) == (alone.quality, alone.scores)
    assert (result.outcome, result.applied) == (alone.outcome, alone.applied)


@pytest.mark.parametrize("name", ["coffee.png", "chelsea.png", "text.png"])
def test_it_is_hardly_larger_than_the_smallest_of_all_formats(name: str) -> None:
    source = crop(name, 160, 120)
    result = encode(source=source)
    alone = [encode(candidates=(), source=source, fmt=fmt) for fmt in EVERY]
    smallest = min(len(one.image) for one in alone if one.outcome is Outcome.TARGET_MET)
    assert len(result.image) <= 1.1 * smallest
    assert abs(result.scores["ssimulacra2"] - 70) <= 1


def test_losers_are_not_searched_to_their_end() -> None:
    result = usual()
    alone = sum(len(encode(candidates=(), fmt=fmt).probes) for fmt in EVERY)
    assert len(result.probes) < alone
    untried = [one for one in result.candidates if one.predicted]
    assert untried
    assert all(one.verdict is Verdict.PREDICTED_LARGER for one in untried)


def test_every_candidate_is_listed_with_its_bytes_and_the_reason() -> None:
    result = usual()
    assert {one.format for one in result.candidates} == set(EVERY)
    (chosen,) = by_verdict(result)[Verdict.CHOSEN]
    assert (chosen.format, chosen.quality) == (result.format, result.quality)
    assert chosen.size_bytes == len(result.image)
    assert chosen.score == result.scores["ssimulacra2"]
    assert (chosen.message, chosen.predicted) == ("fewest bytes for the target", False)
    for one in result.candidates:
        assert one.message
        if one is not chosen and not one.lossless:
            assert (one.size_bytes or 0) > 0.8 * len(result.image)


def test_probes_say_which_format_they_are_of() -> None:
    result = usual()
    formats = [one.format for one in result.probes]
    assert result.format in formats
    assert len(set(formats)) == len([one for one in result.candidates if _tried(one, result)])


def _tried(one: Considered, result: EncodeResult) -> bool:
    made = {(each.format, each.chroma, each.lossless, each.near_lossless) for each in result.probes}
    return (one.format, one.chroma, one.lossless, one.near_lossless) in made


def test_the_order_of_candidates_does_not_matter() -> None:
    forwards, backwards = usual(), encode(candidates=EVERY[::-1])
    assert forwards.image == backwards.image
    assert len(forwards.probes) == len(backwards.probes)


def test_within_a_budget_the_best_looking_file_wins() -> None:
    budget = 3500
    result = encode(size(budget))
    assert len(result.image) <= budget
    assert result.outcome is Outcome.TARGET_MET
    alone = []
    for fmt in EVERY:
        one = encode(size(budget), (), fmt=fmt)
        found = PIPELINE.compare(PHOTO, one.image, Deadline())
        alone.append(found.scores["ssimulacra2"])
    assert result.scores["ssimulacra2"] >= max(alone) - 1.5
    (chosen,) = by_verdict(result)[Verdict.CHOSEN]
    assert chosen.score == result.scores["ssimulacra2"]
    assert chosen.message == "best score within the budget"


def test_a_budget_that_nothing_fits_yields_the_smallest_file() -> None:
    result = encode(size(30))
    assert result.outcome is Outcome.MIN_QUALITY_REACHED
    alone = [len(encode(size(30), (), fmt=fmt).image) for fmt in EVERY]
    assert len(result.image) == min(alone)


def test_a_target_that_only_some_formats_reach_is_reached() -> None:
    """4:2:0 ruins it, and WebP has nothing else."""
    source = red_on_blue()
    never = WebpOptions(lossless=Lossless.NEVER)
    spec = TargetSpec(Method.SSIMULACRA2, 85.0, 10, 95, 1.0)
    webp = encode(spec, (), source, fmt=Format.WEBP, webp=never)
    assert webp.outcome is Outcome.MAX_QUALITY_REACHED
    result = encode(spec, (Format.WEBP, Format.JPEG), source, webp=never)
    assert result.format is Format.JPEG
    verdicts = {one.format: one.verdict for one in result.candidates}
    assert verdicts[Format.WEBP] in (Verdict.MISSES_TARGET, Verdict.PREDICTED_LARGER)


def test_a_target_that_nothing_reaches_yields_the_best_looking() -> None:
    spec = TargetSpec(Method.SSIMULACRA2, 99.9, 10, 30, 0.01)
    result = encode(spec, (Format.JPEG, Format.AVIF))
    alone = [encode(spec, (), fmt=fmt) for fmt in (Format.JPEG, Format.AVIF)]
    assert result.outcome is Outcome.MAX_QUALITY_REACHED
    best = max(one.scores["ssimulacra2"] for one in alone)
    assert result.scores["ssimulacra2"] == best
    assert by_verdict(result).keys() == {Verdict.CHOSEN, Verdict.LOOKS_WORSE}


def test_transparency_is_kept_if_a_format_can() -> None:
    result = encode(candidates=(Format.JPEG, Format.WEBP), source=with_alpha())
    assert result.format is Format.WEBP
    (left_out,) = by_verdict(result)[Verdict.CANNOT_HOLD_IMAGE]
    assert (left_out.format, left_out.message) == (Format.JPEG, "JPEG has no transparency")
    assert result.notices == ()


def test_an_animation_is_kept_if_a_format_can() -> None:
    result = encode(candidates=(Format.AVIF, Format.JPEG, Format.WEBP), source=animation())
    assert (result.format, result.frames) == (Format.WEBP, 4)
    left_out = by_verdict(result)[Verdict.CANNOT_HOLD_IMAGE]
    assert {one.format for one in left_out} == {Format.AVIF, Format.JPEG}


def test_a_profile_is_kept_if_a_format_can() -> None:
    photo = pyvips.Image.new_from_buffer(PHOTO, "")
    source = with_profile(photo, pyvips.Image.profile_load("p3"))
    keep = ColorProfile.KEEP
    result = encode(candidates=(Format.JXL, Format.WEBP), source=source, color_profile=keep)
    assert (result.format, result.notices) == (Format.WEBP, ())
    (left_out,) = by_verdict(result)[Verdict.CANNOT_HOLD_IMAGE]
    assert left_out.message == "JPEG XL is written without a profile"


def test_a_jpeg_xl_that_keeps_coefficients_is_not_left_out_for_its_profile() -> None:
    image = pyvips.Image.new_from_buffer(PHOTO, "").copy()
    p3 = pyvips.Image.profile_load("p3")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", p3)
    result = encode(
        candidates=(Format.JXL, Format.WEBP),
        source=bytes(image.jpegsave_buffer(keep=pyvips.ForeignKeep.ICC)),
        color_profile=ColorProfile.KEEP,
        jxl=JxlOptions(lossless=True),
    )
    assert {one.format for one in result.candidates} == {Format.JXL, Format.WEBP}
    assert Verdict.CANNOT_HOLD_IMAGE not in by_verdict(result)
    assert result.notices == ()


def test_a_small_image_leaves_avif_out() -> None:
    result = encode(candidates=(Format.AVIF, Format.WEBP), source=crop("coffee.png", 40, 12))
    assert result.format is Format.WEBP
    (left_out,) = by_verdict(result)[Verdict.CANNOT_HOLD_IMAGE]
    assert left_out.message == "AVIF cannot hold an image of 40x12"


def test_an_image_that_is_too_long_leaves_webp_out() -> None:
    long = RawSource(16_384, 16, 3, bytes(16_384 * 16 * 3))
    result = encode(candidates=(Format.WEBP, Format.JPEG), source=long)
    assert result.format is Format.JPEG
    (left_out,) = by_verdict(result)[Verdict.CANNOT_HOLD_IMAGE]
    assert left_out.message.startswith("WebP holds at most 16383 pixels a side")


def test_if_all_lose_something_the_least_is_lost() -> None:
    result = encode(candidates=(Format.JPEG, Format.AVIF), source=animation())
    assert NoticeCode.FIRST_FRAME_ONLY in [one.code for one in result.notices]
    assert {one.format for one in result.candidates} == {Format.JPEG, Format.AVIF}
    flat = encode(candidates=(Format.JPEG,), source=with_alpha())
    assert [one.code for one in flat.notices] == [NoticeCode.ALPHA_FLATTENED]


def test_a_format_that_needs_a_substitute_is_left_out_only_if_another_fits() -> None:
    tiny = crop("coffee.png", 12, 12)
    alone = encode(candidates=(Format.AVIF,), source=tiny)
    assert (alone.format, alone.notices[0].code) == (Format.JPEG, NoticeCode.FORMAT_SUBSTITUTED)


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        (TargetSpec(Method.DSSIM, 0.02), "candidates", "cannot be compared by DSSIM"),
        (TargetSpec(Method.ML, 0.02), "candidates", "use METHOD_SSIMULACRA2"),
        (TargetSpec(Method.NONE), "candidates", "METHOD_NONE searches for nothing"),
        (TargetSpec(Method.SSIMULACRA2, 101.0), "auto_quality.target", "from 0 to 100"),
    ],
)
def test_a_method_that_cannot_compare_formats_is_refused(
    spec: TargetSpec, field: str, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        encode(spec)
    assert caught.value.field == field


def test_one_candidate_is_a_format() -> None:
    result = encode(TargetSpec(Method.DSSIM, 0.02, 10, 95), (Format.JPEG,))
    assert (result.format, result.candidates) == (Format.JPEG, ())


def test_a_format_and_candidates_exclude_each_other() -> None:
    with pytest.raises(InvalidRequest, match="must be empty if `format` is set") as caught:
        encode(fmt=Format.WEBP)
    assert caught.value.field == "candidates"


def test_default_candidates_are_for_requests_without_a_format_that_can_compare() -> None:
    pipeline = Pipeline(Defaults(candidates=(Format.AVIF, Format.WEBP)), LIMITS)
    chosen = encode(candidates=(), pipeline=pipeline)
    assert {one.format for one in chosen.candidates} == {Format.AVIF, Format.WEBP}
    named = encode(candidates=(), pipeline=pipeline, fmt=Format.JPEG)
    assert (named.format, named.candidates) == (Format.JPEG, ())
    by_dssim = encode(TargetSpec(Method.DSSIM, 0.02, 10, 95), (), pipeline=pipeline)
    assert (by_dssim.format, by_dssim.candidates) == (Format.PNG, ())
    other = encode(candidates=(Format.JPEG, Format.JXL), pipeline=pipeline)
    assert {one.format for one in other.candidates} == {Format.JPEG, Format.JXL}


def test_slow_formats_are_left_out_first_if_time_is_short() -> None:
    """Two probes of a large AVIF take longer than the deadline leaves; one of a JPEG does not."""
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (100, 150, 3), np.uint8).repeat(12, axis=0).repeat(12, axis=1)
    source = RawSource(1800, 1200, 3, noise.tobytes())
    result = encode(candidates=(Format.AVIF, Format.JPEG), source=source, deadline=Short())
    assert result.format is Format.JPEG
    (late,) = by_verdict(result)[Verdict.NO_TIME]
    assert late.format is Format.AVIF
    (notice,) = (one for one in result.notices if one.code is NoticeCode.CANDIDATE_SKIPPED)
    assert "AVIF" in notice.message


def test_without_time_for_any_the_fastest_is_tried() -> None:
    source = crop("rocket.jpg", 600, 400)
    result = encode(candidates=(Format.AVIF, Format.JXL, Format.JPEG), source=source)
    assert result.outcome is Outcome.TARGET_MET
    slow = Session.may_start
    try:
        Session.may_start = lambda _self: False  # type: ignore[method-assign]
        result = encode(candidates=(Format.AVIF, Format.JXL, Format.JPEG), source=source)
    finally:
        Session.may_start = slow  # type: ignore[method-assign]
    assert result.format is Format.JPEG
    assert len(by_verdict(result)[Verdict.NO_TIME]) == 2


def test_identical_pixels_are_a_target_that_only_lossless_files_meet() -> None:
    """Far above the scores that the beliefs know, their expectations are extreme."""
    spec = TargetSpec(Method.SSIMULACRA2, 100.0, 10, 100, 0.0)
    result = encode(spec, (Format.WEBP, Format.PNG), red_on_blue())
    assert result.lossless and result.scores["ssimulacra2"] == 100


def test_of_several_lossless_files_the_smallest_is_tried_first() -> None:
    """All fit the budget and look the same, so the order of the candidates does not matter."""
    formats, lossless = (Format.PNG, Format.JXL), JxlOptions(lossless=True)
    for order in (formats, formats[::-1]):
        result = encode(size(1_000_000), order, jxl=lossless)
        assert result.format is Format.JXL
        assert len(result.probes) == 1


def test_a_larger_file_of_the_same_score_does_not_look_worse() -> None:
    spec = TargetSpec(Method.SSIMULACRA2, 70.0, limits=Limits(120))
    result = encode(spec, (Format.WEBP, Format.PNG), drawing())
    (png,) = (one for one in result.candidates if one.format is Format.PNG)
    more = (png.size_bytes or 0) - len(result.image)
    assert (png.verdict, png.message) == (Verdict.LARGER, f"{more} bytes more")


@pytest.mark.parametrize(("size_bytes", "starts"), [(8_000, True), (800_000, False)])
def test_a_lossless_file_of_much_detail_is_not_started_after_a_quick_lossy_one(
    size_bytes: int, starts: bool
) -> None:
    """A lossless WebP takes a microsecond a byte, many times as long as a lossy one."""
    pixels = Pixels(np.zeros((1, 40, 60, 3), np.uint8))
    lossy = Session(pixels, WebpEncoder(), Deadline())
    lossy.probe(50)
    exact = WebpEncoder(WebpOptions(lossless=Lossless.ALWAYS))
    assert Session(pixels, exact, Short()).may_start_after(lossy, size_bytes) is starts


def test_no_more_bytes_are_expected_than_a_file_may_have() -> None:
    """Far above the learned scores, a line leads to sizes that no number of the contract holds."""
    photo = Image.open(io.BytesIO(crop("coffee.png", 96, 64)))
    source = saved("JPEG", np.asarray(photo.convert("RGB")), quality=75)
    options = {"target": 100, "allowed_error": 3, "max_bytes": len(source) - 1}
    result = aq.encode(
        source, ["jxl", "png", "webp", "avif", "jpeg"], method="ssimulacra2", **options
    )
    expected = [one.size_bytes for one in result.candidates if one.predicted]
    assert len(expected) > 1 and None in expected
    assert all(size is None or size <= 16 * 96 * 64 + 4096 for size in expected)
