"""Limits that hold together with a target, with real codecs: each method, and what is reported."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.metrics import METRICS
from autoquality_core.networks import load
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Limits, Method, NoticeCode, Outcome, TargetSpec
from tests.networks import constant_graph, peak_at
from tests.photos import crop, photo
from tests.pipeline.kept import Passing
from tests.pipeline.test_alpha_quality import CUT_OUT
from tests.pipeline.test_metadata_budget import photograph

PIPELINE = Pipeline(Defaults(), ImageLimits(2**26, 50_000_000))
PHOTO = crop("astronaut.png", 160, 120)
LOW, HIGH = 10, 95
each_format = pytest.mark.parametrize("fmt", [Format.JPEG, Format.AVIF])
"""One whose qualities all give other files, and one with qualities of equal files."""


def encode(
    fmt: Format,
    spec: TargetSpec,
    source: bytes = PHOTO,
    *,
    quality: int | None = None,
    options: EncoderOptions | None = None,
    deadline: Deadline | None = None,
    pipeline: Pipeline = PIPELINE,
) -> EncodeResult:
    job = EncodeJob(source, fmt, spec, quality, options or EncoderOptions())
    return pipeline.encode(job, deadline or Deadline())


@cache
def sweep(fmt: Format) -> dict[int, EncodeResult]:
    """The photograph at every quality, with both scores."""
    job = EncodeJob(PHOTO, fmt, TargetSpec(), None, EncoderOptions(), tuple(METRICS.values()))
    return {
        quality: PIPELINE.encode(replace(job, quality=quality), Deadline())
        for quality in range(LOW, HIGH + 1)
    }


def within(fmt: Format, limits: Limits) -> dict[int, EncodeResult]:
    """The qualities within all limits."""
    return {
        quality: one
        for quality, one in sweep(fmt).items()
        if len(one.image) <= (limits.max_bytes or math.inf)
        and one.scores["dssim"] <= limits.scores.get("dssim", 1)
        and one.scores["ssimulacra2"] >= limits.scores.get("ssimulacra2", -math.inf)
    }


def by_score(target: float, limits: Limits) -> TargetSpec:
    return TargetSpec(Method.SSIMULACRA2, target, limits=limits)


def high_above_medium(max_bytes: int) -> TargetSpec:
    """At most so many bytes, never worse than medium, high if it fits."""
    return by_score(70, Limits(max_bytes, {"ssimulacra2": 50}))


@each_format
def test_high_if_it_fits(fmt: Format) -> None:
    free = encode(fmt, TargetSpec(Method.SSIMULACRA2, 70))
    result = encode(fmt, high_above_medium(2 * len(free.image)))
    assert result.outcome is Outcome.TARGET_MET
    assert abs(result.scores["ssimulacra2"] - 70) <= 1
    assert len(result.probes) <= len(free.probes)
    assert result.notices == ()


@each_format
def test_the_best_that_fits_if_high_does_not(fmt: Format) -> None:
    budget = next(len(one.image) for one in sweep(fmt).values() if one.scores["ssimulacra2"] > 60)
    result = encode(fmt, high_above_medium(budget))
    fitting = [quality for quality, one in sweep(fmt).items() if len(one.image) <= budget]
    assert (result.quality, result.outcome) == (max(fitting), Outcome.MAX_BYTES_REACHED)
    assert len(result.image) <= budget and 50 <= result.scores["ssimulacra2"] < 69
    by_size = encode(fmt, TargetSpec(Method.SIZE, budget, LOW, HIGH))
    assert result.image == by_size.image


@each_format
def test_a_limit_on_bytes_takes_about_as_many_encodings_as_a_size(fmt: Format) -> None:
    """Of a whole photograph: the curves of small ones are rough, so that a search tries more."""
    source = photo("astronaut.png")
    result = encode(fmt, high_above_medium(14_000), source)
    by_size = encode(fmt, TargetSpec(Method.SIZE, 14_000, LOW, HIGH), source)
    assert result.image == by_size.image
    assert len(result.probes) <= len(by_size.probes) + 1


@each_format
def test_a_conflict_ends_with_the_best_that_fits_and_says_what_it_exceeds(fmt: Format) -> None:
    budget = max(len(one.image) for one in sweep(fmt).values() if one.scores["ssimulacra2"] < 49)
    result = encode(fmt, high_above_medium(budget))
    fitting = [quality for quality, one in sweep(fmt).items() if len(one.image) <= budget]
    assert (result.quality, result.outcome) == (max(fitting), Outcome.LIMITS_CONFLICT)
    (notice,) = result.notices
    assert notice.code is NoticeCode.LIMIT_EXCEEDED
    reached = f"the SSIMULACRA2 is {result.scores['ssimulacra2']:.5g}, min_ssimulacra2 is 50"
    why = "no quality from 10 to 95 is within all limits"
    assert notice.message == f"{why}: {reached}"


@each_format
def test_a_budget_that_nothing_fits_ends_with_the_lowest_quality(fmt: Format) -> None:
    result = encode(fmt, by_score(70, Limits(50)))
    assert (result.quality, result.outcome) == (LOW, Outcome.LIMITS_CONFLICT)
    (notice,) = result.notices
    assert notice.message.endswith(f"the file has {len(result.image)} bytes, max_bytes is 50")


@each_format
@pytest.mark.parametrize(
    ("target", "limits", "outcome"),
    [
        (70, Limits(None, {"dssim": 0.01}), Outcome.MAX_DSSIM_REACHED),
        (50, Limits(None, {"ssimulacra2": 65}), Outcome.MIN_SSIMULACRA2_REACHED),
        (50, Limits(None, {"dssim": 0.01, "ssimulacra2": 55}), Outcome.MAX_DSSIM_REACHED),
    ],
)
def test_a_score_that_is_stricter_than_the_target_is_met_as_closely_as_a_target(
    fmt: Format, target: float, limits: Limits, outcome: Outcome
) -> None:
    result = encode(fmt, by_score(target, limits))
    assert result.quality in within(fmt, limits)
    assert result.outcome is outcome
    name = outcome.name.split("_")[1].lower()
    away = abs(result.scores[name] - limits.scores[name])
    assert away <= METRICS[name].default_allowed_error
    assert set(result.scores) == {"ssimulacra2", *limits.scores}
    assert result.applied.limits == limits


@each_format
@pytest.mark.parametrize(
    ("limits", "outcome"),
    [
        (Limits(None, {"dssim": 0.01}), Outcome.MAX_DSSIM_REACHED),
        (Limits(None, {"ssimulacra2": 65}), Outcome.MIN_SSIMULACRA2_REACHED),
    ],
)
def test_without_an_allowed_error_the_lowest_quality_that_has_a_score_is_the_answer(
    fmt: Format, limits: Limits, outcome: Outcome
) -> None:
    result = encode(fmt, replace(by_score(50, limits), allowed_error=0.0))
    assert (result.quality, result.outcome) == (min(within(fmt, limits)), outcome)


@each_format
def test_both_metrics_are_measured_with_every_probe(fmt: Format) -> None:
    result = encode(fmt, by_score(70, Limits(None, {"dssim": 0.9})))
    assert all(set(one.scores) == {"dssim", "ssimulacra2"} for one in result.probes)
    free = encode(fmt, TargetSpec(Method.SSIMULACRA2, 70))
    assert (result.image, len(result.probes)) == (free.image, len(free.probes))


@each_format
def test_dssim_has_limits_too(fmt: Format) -> None:
    limits = Limits(None, {"ssimulacra2": 75})
    result = encode(fmt, TargetSpec(Method.DSSIM, 0.03, LOW, HIGH, limits=limits))
    assert 75 <= result.scores["ssimulacra2"] <= 76
    assert result.outcome is Outcome.MIN_SSIMULACRA2_REACHED


def by_size(target: float, limits: Limits, error: float | None = None) -> TargetSpec:
    return TargetSpec(Method.SIZE, target, LOW, HIGH, error, limits=limits)


@each_format
def test_of_two_budgets_the_smaller_one_counts(fmt: Format) -> None:
    budget = len(sweep(fmt)[50].image)
    expected = encode(fmt, by_size(budget, Limits()))
    smaller = encode(fmt, by_size(2 * budget, Limits(budget)))
    assert (smaller.image, smaller.outcome) == (expected.image, Outcome.MAX_BYTES_REACHED)
    larger = encode(fmt, by_size(budget, Limits(2 * budget)))
    assert (larger.image, larger.outcome) == (expected.image, Outcome.TARGET_MET)
    everything = encode(fmt, by_size(1e9, Limits(10**8)))
    assert (everything.quality, everything.outcome) == (HIGH, Outcome.TARGET_MET)


@each_format
def test_a_budget_measures_its_answer_alone_if_that_is_within_the_limits(fmt: Format) -> None:
    budget = len(sweep(fmt)[70].image)
    expected = encode(fmt, by_size(budget, Limits()))
    result = encode(fmt, by_size(budget, Limits(None, {"ssimulacra2": 40, "dssim": 0.1})))
    assert (result.image, result.outcome) == (expected.image, Outcome.TARGET_MET)
    assert len(result.probes) == len(expected.probes)
    assert [one.quality for one in result.probes if one.scores] == [result.quality]


@each_format
def test_a_budget_that_contradicts_a_score_is_a_conflict(fmt: Format) -> None:
    budget = len(sweep(fmt)[40].image)
    expected = encode(fmt, by_size(budget, Limits()))
    result = encode(fmt, by_size(budget, Limits(None, {"ssimulacra2": 85})))
    assert (result.image, result.outcome) == (expected.image, Outcome.LIMITS_CONFLICT)
    assert [one.code for one in result.notices] == [NoticeCode.LIMIT_EXCEEDED]


def test_a_budget_that_nothing_fits_is_a_conflict_only_with_a_limit() -> None:
    lowest = sweep(Format.JPEG)[LOW]
    size = len(lowest.image)
    for limits, outcome in (
        (Limits(size), Outcome.MIN_QUALITY_REACHED),
        (Limits(size - 1), Outcome.LIMITS_CONFLICT),
        (Limits(None, {"ssimulacra2": lowest.scores["ssimulacra2"] - 1}), None),
        (Limits(None, {"ssimulacra2": 60}), Outcome.LIMITS_CONFLICT),
    ):
        result = encode(Format.JPEG, by_size(100, limits))
        assert result.quality == LOW
        assert result.outcome is (outcome or Outcome.MIN_QUALITY_REACHED)


@each_format
@pytest.mark.parametrize("unused", [0.02, 0.5])
def test_a_share_of_the_budget_may_stay_unused(fmt: Format, unused: float) -> None:
    ours = theirs = 0
    for quality in (30, 60, 85):
        budget = len(sweep(fmt)[quality].image) + 1
        exact = encode(fmt, by_size(budget, Limits()))
        result = encode(fmt, by_size(budget, Limits(), unused))
        assert result.outcome is Outcome.TARGET_MET
        assert (1 - unused) * budget <= len(result.image) <= budget
        ours, theirs = ours + len(result.probes), theirs + len(exact.probes)
        sizes = [one.size_bytes for one in result.probes]
        assert not any((1 - unused) * budget <= one <= budget for one in sizes[:-1])
    assert ours <= theirs


def test_a_budget_without_an_error_is_used_as_well_as_possible() -> None:
    """The server's allowed error for scores is none for bytes."""
    pipeline = Pipeline(Defaults(Method.DSSIM, allowed_error=0.5), PIPELINE.limits)
    budget = len(sweep(Format.JPEG)[60].image)
    result = encode(Format.JPEG, by_size(budget, Limits()), pipeline=pipeline)
    assert (result.quality, result.applied.allowed_error) == (60, 0)


def test_none_searches_for_nothing_but_checks_the_limits() -> None:
    limits = Limits(1000, {"ssimulacra2": 99, "dssim": 0.5})
    result = encode(Format.JPEG, TargetSpec(limits=limits), quality=60)
    assert (result.quality, result.outcome) == (60, Outcome.FIXED_QUALITY)
    (notice,) = result.notices
    assert notice.message == (
        "METHOD_NONE searches for nothing; set the method: "
        f"the file has {len(result.image)} bytes, max_bytes is 1000; "
        f"the SSIMULACRA2 is {result.scores['ssimulacra2']:.5g}, min_ssimulacra2 is 99"
    )
    kept = Limits(10**6, {"ssimulacra2": 10})
    assert encode(Format.JPEG, TargetSpec(limits=kept), quality=60).notices == ()


def test_a_format_without_a_quality_says_which_limit_it_exceeds() -> None:
    result = encode(Format.PNG, by_score(70, Limits(1000, {"ssimulacra2": 90})))
    assert (result.outcome, result.scores["ssimulacra2"]) == (Outcome.NO_QUALITY, 100)
    unused, notice = result.notices
    assert unused.code is NoticeCode.TARGET_UNUSED
    size = len(result.image)
    why = "PNG has no quality to lower or raise"
    assert notice.message == f"{why}: the file has {size} bytes, max_bytes is 1000"


def test_a_deadline_ends_a_search_under_limits_and_names_what_was_exceeded() -> None:
    result = encode(Format.AVIF, high_above_medium(300), deadline=Passing(0))
    assert (result.outcome, len(result.probes)) == (Outcome.DEADLINE_REACHED, 1)
    (notice,) = result.notices
    assert notice.message.startswith("the deadline ended the search: the file has")
    unchecked = encode(Format.AVIF, by_size(1e6, Limits(None, {"dssim": 0.1})), deadline=Passing(0))
    (notice,) = unchecked.notices
    assert unchecked.outcome is Outcome.DEADLINE_REACHED
    assert notice.message.endswith("the deadline left no time to check max_dssim")


@each_format
def test_ml_searches_from_its_prediction_under_limits(fmt: Format, tmp_path: Path) -> None:
    pipeline = with_network(fmt, tmp_path)
    limits = Limits(len(sweep(fmt)[35].image))
    spec = TargetSpec(Method.ML, 0.01, LOW, HIGH, limits=limits)
    result = encode(fmt, spec, pipeline=pipeline)
    assert len(result.image) <= (limits.max_bytes or 0)
    assert (result.outcome, result.predicted_quality) == (Outcome.MAX_BYTES_REACHED, 57)


def test_a_trusted_prediction_is_checked_and_replaced_if_it_exceeds_a_limit(
    tmp_path: Path,
) -> None:
    pipeline = with_network(Format.WEBP, tmp_path)
    trusted = TargetSpec(Method.ML, 0.01, LOW, HIGH, 1.0)
    fits = replace(trusted, limits=Limits(10**6, {"ssimulacra2": 30}))
    result = encode(Format.WEBP, fits, pipeline=pipeline)
    assert (result.quality, result.outcome) == (57, Outcome.PREDICTION_TRUSTED)
    assert set(result.scores) == {"ssimulacra2"} and len(result.probes) == 1
    small = replace(trusted, limits=Limits(len(sweep(Format.WEBP)[40].image)))
    result = encode(Format.WEBP, small, pipeline=pipeline)
    assert (result.quality, result.outcome) == (40, Outcome.MAX_BYTES_REACHED)
    assert (result.predicted_quality, result.applied.allowed_error) == (57, 0.001)


def with_network(fmt: Format, folder: Path) -> Pipeline:
    """A pipeline with a network that always predicts quality 57."""
    network = load(constant_graph(folder / "a.pb", peak_at(57)))
    return Pipeline(Defaults(), PIPELINE.limits, {fmt: network})


@each_format
def test_metadata_counts_and_is_dropped_for_a_limit(fmt: Format) -> None:
    source = photograph(note=6000)
    everything = EncoderOptions(keep_metadata=True)
    whole = encode(fmt, TargetSpec(Method.SSIMULACRA2, 70), source, options=everything)
    size = len(whole.image)
    kept = encode(fmt, by_score(70, Limits(size)), source, options=everything)
    assert kept.outcome is Outcome.TARGET_MET and len(kept.image) <= size
    assert kept.notices == whole.notices
    dropped = encode(fmt, high_above_medium(size - 3000), source, options=everything)
    assert [one.code for one in dropped.notices] == [NoticeCode.METADATA_DROPPED]
    assert dropped.outcome is Outcome.TARGET_MET and len(dropped.image) <= size - 3000
    # Nothing is dropped in vain.
    hopeless = by_score(70, Limits(size, {"ssimulacra2": 99.9}))
    result = encode(fmt, hopeless, source, options=everything)
    assert result.outcome is Outcome.LIMITS_CONFLICT
    assert [one.code for one in result.notices] == [NoticeCode.LIMIT_EXCEEDED]


def test_the_alpha_quality_of_a_webp_is_lowered_for_a_limit() -> None:
    lowest = encode(Format.WEBP, TargetSpec(Method.NONE), CUT_OUT, quality=LOW)
    budget = len(lowest.image) - 200
    result = encode(Format.WEBP, by_score(70, Limits(budget)), CUT_OUT)
    assert len(result.image) <= budget
    assert [one.code for one in result.notices] == [NoticeCode.ALPHA_QUALITY_LOWERED]
    met = abs(result.scores["ssimulacra2"] - 70) <= 1
    assert result.outcome is (Outcome.TARGET_MET if met else Outcome.MAX_BYTES_REACHED)


def test_the_servers_limits_hold_unless_the_request_has_its_own() -> None:
    defaults = Defaults(limits=Limits(2000, {"dssim": 0.1, "ssimulacra2": 30}))
    spec = TargetSpec(Method.SIZE, 9000, limits=Limits(None, {"dssim": 1.0}))
    resolved = defaults.resolve(spec, Format.JPEG)
    assert resolved.limits == Limits(2000, {"dssim": 1.0, "ssimulacra2": 30})
    own = TargetSpec(Method.SIZE, 9000, limits=Limits(7000))
    assert defaults.resolve(own, Format.JPEG).limits.max_bytes == 7000


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (TargetSpec(limits=Limits(0)), "max_bytes", "must be 1 or more, is 0"),
        (
            TargetSpec(limits=Limits(None, {"dssim": 1.5})),
            *("max_dssim", "must be a DSSIM from 0 to 1, is 1.5"),
        ),
        (
            TargetSpec(limits=Limits(None, {"ssimulacra2": math.nan})),
            *("min_ssimulacra2", "must be a score from 0 to 100, is nan"),
        ),
        (
            TargetSpec(Method.SIZE, 9000, allowed_error=1.1),
            "allowed_error",
            "with METHOD_SIZE it is the share of the target that may stay unused, from 0 to 1; is",
        ),
        (
            TargetSpec(Method.SIZE, 9000, allowed_error=math.nan),
            *("allowed_error", "with METHOD_SIZE it is the share"),
        ),
    ],
)
def test_a_wrong_limit_is_refused(spec: TargetSpec, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        encode(Format.JPEG, spec)
    assert caught.value.field == f"auto_quality.{field}"
    assert caught.value.description.startswith(message)
