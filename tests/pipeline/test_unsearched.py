"""Images with more pixels than are searched get the predicted quality."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autoquality_core.formats import (
    BEST_MOZJPEG,
    ENCODERS,
    WITH_QUALITY,
    EncoderOptions,
    JpegEncoder,
)
from autoquality_core.images import ImageLimits
from autoquality_core.metrics import METRICS
from autoquality_core.networks import load
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.library import bundled_networks
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.priors import SIZE, load_learned
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Limits, Method, NoticeCode, Outcome, TargetSpec
from tests.formats.sources import moving, photograph
from tests.images.files import animated
from tests.images.metadata_files import exif, saved
from tests.networks import constant_graph, peak_at
from tests.photos import crop, with_alpha
from tests.pipeline.kept import codes, texts_of

LIMITS = ImageLimits(2**26, 50_000_000)
WIDTH, HEIGHT = 240, 180
PHOTO = crop("coffee.png", WIDTH, HEIGHT)
SEARCHED = Pipeline(Defaults(), LIMITS, max_search_pixels=WIDTH * HEIGHT)
SKIPPED = Pipeline(Defaults(), LIMITS, max_search_pixels=WIDTH * HEIGHT - 1)
LEARNED = [fmt for fmt in WITH_QUALITY if load_learned(f"{ENCODERS[fmt]().learned}.json", SIZE)]
EACH = pytest.mark.parametrize("fmt", LEARNED)


def encode(
    pipeline: Pipeline,
    fmt: Format,
    method: Method,
    target: float,
    source: bytes = PHOTO,
    low: int = 1,
    **options: bool,
) -> EncodeResult:
    spec = TargetSpec(method, target, low, 100)
    job = EncodeJob(
        *(source, fmt, spec, None, EncoderOptions(**options)), measure=tuple(METRICS.values())
    )
    return pipeline.encode(job, Deadline())


@EACH
@pytest.mark.parametrize(("method", "target"), [(Method.DSSIM, 0.02), (Method.SSIMULACRA2, 70)])
def test_a_score_is_predicted_and_not_measured(fmt: Format, method: Method, target: float) -> None:
    result = encode(SKIPPED, fmt, method, target)
    assert result.outcome is Outcome.PREDICTION_TRUSTED
    assert codes(result) == [NoticeCode.SEARCH_SKIPPED]
    assert len(result.probes) == 1
    assert result.applied.method is method
    searched = encode(SEARCHED, fmt, method, target)
    assert searched.outcome is Outcome.TARGET_MET and codes(searched) == []
    assert abs(result.quality - searched.quality) <= 20
    score = result.scores[method.value]
    assert score == pytest.approx(target, abs=0.01 if method is Method.DSSIM else 10)


def test_nothing_is_measured_unless_the_request_says_so() -> None:
    spec = TargetSpec(Method.DSSIM, 0.02, 1, 100)
    result = SKIPPED.encode(EncodeJob(PHOTO, Format.WEBP, spec, None, EncoderOptions()), Deadline())
    assert (result.scores, result.timings.measure) == ({}, 0.0)


@EACH
@pytest.mark.parametrize("quality", [40, 80])
def test_a_budget_is_never_exceeded(fmt: Format, quality: int) -> None:
    target = len(ENCODERS[fmt]().encode(photograph(WIDTH, HEIGHT), quality))
    for share in (0.7, 1.0):
        result = encode(SKIPPED, fmt, Method.SIZE, share * target)
        assert result.outcome is Outcome.PREDICTION_TRUSTED
        assert codes(result) == [NoticeCode.SEARCH_SKIPPED]
        assert 0.5 * share * target <= len(result.image) <= share * target
        assert len(result.probes) <= 3


@EACH
def test_a_budget_that_no_quality_meets_is_reported(fmt: Format) -> None:
    result = encode(SKIPPED, fmt, Method.SIZE, 200, low=30)
    assert (result.quality, result.outcome) == (30, Outcome.MIN_QUALITY_REACHED)


def test_metadata_is_dropped_for_a_budget_as_in_a_search() -> None:
    source = saved("JPEG", quality=90, exif=exif(t37500=bytes(20_000)))
    pipeline = Pipeline(Defaults(), LIMITS, max_search_pixels=1)
    result = encode(pipeline, Format.JPEG, Method.SIZE, 4000, source, keep_metadata=True)
    assert len(result.image) <= 4000
    assert codes(result) == [NoticeCode.METADATA_DROPPED, NoticeCode.SEARCH_SKIPPED]
    assert texts_of(result.image) == ("Ada", "(c) Ada")


def test_alpha_and_frames_count() -> None:
    pipeline = Pipeline(Defaults(), LIMITS, max_search_pixels=1)
    flat = with_alpha(160, 120)
    result = encode(pipeline, Format.WEBP, Method.SIZE, 5000, flat)
    assert len(result.image) <= 5000 and NoticeCode.SEARCH_SKIPPED in codes(result)
    film = animated(list(moving().samples), (80, 120, 200))
    pixels = 96 * 64
    for limit, skipped in ((3 * pixels, False), (3 * pixels - 1, True)):
        pipeline = Pipeline(Defaults(), LIMITS, max_search_pixels=limit)
        result = encode(pipeline, Format.WEBP, Method.DSSIM, 0.02, film)
        assert (NoticeCode.SEARCH_SKIPPED in codes(result)) == skipped


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP])
def test_a_network_predicts_where_there_is_one(fmt: Format) -> None:
    networks = bundled_networks()
    pipeline = Pipeline(Defaults(), LIMITS, networks, max_search_pixels=1)
    result = encode(pipeline, fmt, Method.ML, 0.02)
    assert (result.outcome, codes(result)) == (
        Outcome.PREDICTION_TRUSTED,
        [NoticeCode.SEARCH_SKIPPED],
    )
    assert result.predicted_quality is not None and len(result.probes) == 1
    assert result.scores["dssim"] == pytest.approx(0.02, abs=0.01)
    trained = networks[fmt].info.encoder
    large = crop("coffee.png", 480, 360)
    advised = encode(pipeline, fmt, Method.DSSIM, 0.02, large).predicted_quality
    same = ENCODERS[fmt]() == ENCODERS[fmt]().for_network()
    assert trained and (advised is not None) == same


def test_a_network_without_a_curve_gives_its_quality(tmp_path: Path) -> None:
    network = load(constant_graph(tmp_path / "a.pb", peak_at(57)))
    pipeline = Pipeline(Defaults(), LIMITS, {Format.WEBP: network}, max_search_pixels=1)
    result = encode(pipeline, Format.WEBP, Method.ML, 0.02)
    limited = encode(pipeline, Format.WEBP, Method.ML, 0.02, low=70)
    network.close()
    assert (result.quality, result.predicted_quality) == (57, 57)
    assert (limited.quality, limited.predicted_quality) == (70, 57)


def test_ml_without_a_network_is_predicted_from_learned_curves() -> None:
    result = encode(SKIPPED, Format.WEBP, Method.ML, 0.02)
    assert set(codes(result)) == {NoticeCode.SEARCH_SKIPPED, NoticeCode.NETWORK_UNAVAILABLE}
    assert result.applied.method is Method.DSSIM
    assert result.outcome is Outcome.PREDICTION_TRUSTED


def test_a_fixed_quality_and_png_are_no_search() -> None:
    for fmt, method in ((Format.WEBP, Method.NONE), (Format.PNG, Method.DSSIM)):
        assert codes(encode(SKIPPED, fmt, method, 0.02)) in ([], [NoticeCode.TARGET_UNUSED])


def test_a_range_limits_the_prediction() -> None:
    spec = TargetSpec(Method.DSSIM, 0.02, 90, 92)
    job = EncodeJob(PHOTO, Format.WEBP, spec, None, EncoderOptions())
    assert SKIPPED.encode(job, Deadline()).quality == 90
    job = replace(job, spec=TargetSpec(Method.DSSIM, 0.0, 20, 22))
    assert SKIPPED.encode(job, Deadline()).quality == 22


def test_jpeg_by_ml_has_the_options_of_its_network() -> None:
    pipeline = Pipeline(Defaults(), LIMITS, bundled_networks(), max_search_pixels=1)
    result = encode(pipeline, Format.JPEG, Method.ML, 0.02)
    best = JpegEncoder(BEST_MOZJPEG)
    assert b"\xff\xc2" in result.image and best.for_network() == best


def limited(method: Method, target: float, limits: Limits, low: int = 1) -> EncodeResult:
    spec = TargetSpec(method, target, low, 100, limits=limits)
    return SKIPPED.encode(EncodeJob(PHOTO, Format.WEBP, spec, None, EncoderOptions()), Deadline())


def test_a_prediction_within_the_limits_needs_no_search() -> None:
    free = limited(Method.DSSIM, 0.02, Limits())
    result = limited(
        Method.DSSIM, 0.02, Limits(len(free.image), {"dssim": 0.04, "ssimulacra2": 30})
    )
    assert (result.quality, result.outcome) == (free.quality, Outcome.PREDICTION_TRUSTED)
    assert codes(result) == [NoticeCode.SEARCH_SKIPPED]
    assert result.scores.keys() == {"dssim", "ssimulacra2"}


def test_a_prediction_over_a_limit_is_searched() -> None:
    free = limited(Method.DSSIM, 0.02, Limits())
    smaller = limited(Method.DSSIM, 0.02, Limits(len(free.image) // 2))
    assert len(smaller.image) <= len(free.image) // 2
    assert (smaller.outcome, codes(smaller)) == (Outcome.MAX_BYTES_REACHED, [])
    finer = limited(Method.DSSIM, 0.02, Limits(scores={"ssimulacra2": 85}))
    assert finer.scores["ssimulacra2"] >= 85
    assert (finer.outcome, codes(finer)) == (Outcome.MIN_SSIMULACRA2_REACHED, [])


def test_a_budget_has_the_limits_too() -> None:
    free = limited(Method.SIZE, 5000, Limits())
    smaller = limited(Method.SIZE, 5000, Limits(2500))
    assert len(smaller.image) <= 2500 < len(free.image)
    assert codes(smaller) == [NoticeCode.SEARCH_SKIPPED]
    conflict = limited(Method.SIZE, 2500, Limits(scores={"ssimulacra2": 99}))
    assert conflict.outcome is Outcome.LIMITS_CONFLICT
    assert codes(conflict) == [NoticeCode.LIMIT_EXCEEDED]
