"""The promises of METHOD_SSIMULACRA2, and of METHOD_ML with this metric, with real codecs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autoquality_core.formats import EncoderOptions, WebpOptions
from autoquality_core.images import ImageLimits
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2
from autoquality_core.networks import Predictor, load
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Format,
    Lossless,
    Method,
    NoticeCode,
    Outcome,
    RawSource,
    TargetSpec,
)
from tests.networks import (
    SECOND,
    constant_graph,
    peak_at,
    side_content,
    two_metric_graph,
    write_side_file,
)
from tests.photos import animation, crop, with_alpha
from tests.pipeline.kept import Impatient

LIMITS = ImageLimits(2**26, 50_000_000)
PIPELINE = Pipeline(Defaults(), LIMITS)
PHOTO = crop("astronaut.png", 160, 120)
WITH_QUALITY = (Format.JPEG, Format.WEBP, Format.AVIF, Format.JXL)
BY_SCORE = TargetSpec(Method.SSIMULACRA2)


def encode(
    fmt: Format,
    spec: TargetSpec = BY_SCORE,
    source: bytes | RawSource = PHOTO,
    *,
    quality: int | None = None,
    measure: bool = False,
    deadline: Deadline | None = None,
    pipeline: Pipeline = PIPELINE,
) -> EncodeResult:
    metrics = tuple(METRICS.values()) if measure else ()
    options = EncoderOptions(webp=WebpOptions(lossless=Lossless.NEVER))
    job = EncodeJob(source, fmt, spec, quality, options, metrics)
    return pipeline.encode(job, deadline or Deadline())


@pytest.mark.parametrize("fmt", WITH_QUALITY)
@pytest.mark.parametrize("target", [None, 50.0, 82.0])
def test_the_score_is_within_the_allowed_error_and_that_of_compare(
    fmt: Format, target: float | None
) -> None:
    """Over the metric's own range of qualities, from 10 to 95, which reaches all of these."""
    result = encode(fmt, TargetSpec(Method.SSIMULACRA2, target))
    assert result.outcome is Outcome.TARGET_MET
    assert abs(result.scores["ssimulacra2"] - (target or 70)) <= 1
    assert all(set(one.scores) == {"ssimulacra2"} for one in result.probes)
    found = PIPELINE.compare(PHOTO, result.image, Deadline())
    assert result.scores["ssimulacra2"] == pytest.approx(found.scores["ssimulacra2"], abs=0.005)


@pytest.mark.parametrize("fmt", WITH_QUALITY)
@pytest.mark.parametrize("target", [35.0, 70.0, 88.0])
def test_the_answer_is_the_one_that_trying_every_quality_finds(fmt: Format, target: float) -> None:
    """With no allowed error: the score nearest to the target, of equally near ones the better."""
    spec = TargetSpec(Method.SSIMULACRA2, target, 60, 75, 0.0)
    scores = [
        encode(fmt, quality=quality, spec=TargetSpec(), measure=True).scores["ssimulacra2"]
        for quality in range(60, 76)
    ]
    result = encode(fmt, spec)
    if min(scores) > target:
        assert (result.quality, result.outcome) == (60, Outcome.MIN_QUALITY_REACHED)
    elif max(scores) < target:
        assert (result.quality, result.outcome) == (75, Outcome.MAX_QUALITY_REACHED)
    else:
        best = min(scores, key=lambda score: (abs(score - target), -score))
        assert result.scores["ssimulacra2"] == pytest.approx(best, abs=1e-9)
        assert result.outcome is Outcome.NEAREST_QUALITY


@pytest.mark.parametrize("fmt", WITH_QUALITY)
def test_a_target_out_of_reach_yields_the_bound_that_comes_nearest(fmt: Format) -> None:
    high = encode(fmt, TargetSpec(Method.SSIMULACRA2, 99.0, 10, 40))
    assert (high.quality, high.outcome) == (40, Outcome.MAX_QUALITY_REACHED)
    low = encode(fmt, TargetSpec(Method.SSIMULACRA2, 0.0, 60, 95))
    assert (low.quality, low.outcome) == (60, Outcome.MIN_QUALITY_REACHED)


def test_an_error_that_covers_every_score_accepts_the_first_encoding() -> None:
    result = encode(Format.WEBP, TargetSpec(Method.SSIMULACRA2, 50.0, allowed_error=100.0))
    assert (len(result.probes), result.outcome) == (1, Outcome.TARGET_MET)


@pytest.mark.parametrize("fmt", [Format.WEBP, Format.AVIF, Format.JXL])
def test_alpha_is_measured_over_black_and_over_white(fmt: Format) -> None:
    result = encode(fmt, source=with_alpha())
    assert result.outcome is Outcome.TARGET_MET
    found = PIPELINE.compare(with_alpha(), result.image, Deadline())
    assert result.scores["ssimulacra2"] == pytest.approx(found.scores["ssimulacra2"], abs=0.005)


def test_animations_are_measured_over_their_frames() -> None:
    result = encode(Format.WEBP, source=animation(5))
    assert (result.frames, result.outcome) == (5, Outcome.TARGET_MET)
    found = PIPELINE.compare(animation(5), result.image, Deadline())
    assert result.scores["ssimulacra2"] == pytest.approx(found.scores["ssimulacra2"], abs=0.005)


@pytest.mark.parametrize("sides", [(64, 48), (5, 3), (64, 1)])
def test_grey_and_tiny_images_have_scores(sides: tuple[int, int]) -> None:
    width, height = sides
    grey = np.random.default_rng(3).integers(60, 200, (height, width), np.uint8)
    result = encode(Format.JPEG, source=RawSource(width, height, 1, grey.tobytes()), measure=True)
    assert np.isfinite(result.scores["ssimulacra2"])
    assert 10 <= result.quality <= 95


def test_a_format_without_a_quality_is_saved_as_it_is_and_measured_on_request() -> None:
    assert encode(Format.PNG).scores == {}
    result = encode(Format.PNG, measure=True)
    assert (result.quality, result.outcome) == (0, Outcome.NO_QUALITY)
    assert result.scores == {"dssim": 0.0, "ssimulacra2": 100.0}


@pytest.mark.parametrize(
    ("spec", "quality"),
    [(TargetSpec(), 60), (TargetSpec(Method.SIZE, 3000.0, 10, 95), None), (BY_SCORE, None)],
)
def test_every_method_reports_the_scores_that_are_requested(
    spec: TargetSpec, quality: int | None
) -> None:
    result = encode(Format.JPEG, spec, quality=quality, measure=True)
    found = PIPELINE.compare(PHOTO, result.image, Deadline()).scores
    assert result.scores["ssimulacra2"] == pytest.approx(found["ssimulacra2"], abs=0.005)
    assert result.scores["dssim"] == pytest.approx(found["dssim"], abs=1e-4)
    assert sum("dssim" in one.scores for one in result.probes) == 1


def test_a_deadline_ends_the_search_with_the_best_so_far() -> None:
    spec = TargetSpec(Method.SSIMULACRA2, 70.0, allowed_error=1e-9)
    result = encode(Format.AVIF, spec, deadline=Impatient(), measure=True)
    assert (result.outcome, len(result.probes)) == (Outcome.DEADLINE_REACHED, 1)
    assert set(result.scores) == {"ssimulacra2"}


class Recorded:
    """A predictor that counts its calls by the metric."""

    def __init__(self, inner: Predictor) -> None:
        self.inner, self.info, self.available = inner, inner.info, True
        self.metrics: list[str] = []

    def predict(self, pixels, target, deadline=None, metric=DSSIM.name):  # type: ignore[no-untyped-def]
        self.metrics.append(metric)
        return self.inner.predict(pixels, target, deadline, metric)


def with_network(path: Path) -> tuple[Pipeline, Recorded]:
    predictor = Recorded(load(path))
    return Pipeline(Defaults(), LIMITS, {Format.WEBP: predictor}), predictor


def of_both(folder: Path) -> tuple[Pipeline, Recorded]:
    """A pipeline whose network predicts both metrics."""
    path = two_metric_graph(folder / "a.pb")
    write_side_file(path, side_content(format="webp", metrics={SSIMULACRA2.name: SECOND}))
    return with_network(path)


ML = TargetSpec(Method.ML, metric="ssimulacra2")


def test_ml_without_a_network_is_served_as_the_search_by_its_metric() -> None:
    result, searched = encode(Format.WEBP, ML), encode(Format.WEBP)
    assert result.applied == searched.applied
    assert (result.image, result.predicted_quality) == (searched.image, None)
    (notice,) = result.notices
    assert notice.code is NoticeCode.NETWORK_UNAVAILABLE
    assert notice.message == "no network for WEBP: served as METHOD_SSIMULACRA2"


@pytest.mark.parametrize("spec", [ML, BY_SCORE])
def test_a_network_that_predicts_only_dssim_is_never_asked_for_this_metric(
    tmp_path: Path, spec: TargetSpec
) -> None:
    pipeline, predictor = with_network(constant_graph(tmp_path / "a.pb", peak_at(57)))
    result = encode(Format.WEBP, spec, pipeline=pipeline)
    assert predictor.metrics == []
    assert result.applied == encode(Format.WEBP).applied
    why = "the network for WEBP does not predict SSIMULACRA2: served as METHOD_SSIMULACRA2"
    assert [one.message for one in result.notices] == ([why] if spec is ML else [])
    encode(Format.WEBP, TargetSpec(Method.ML), pipeline=pipeline)
    assert predictor.metrics == ["dssim"]


def test_ml_uses_a_network_that_predicts_the_metric(tmp_path: Path) -> None:
    pipeline, predictor = of_both(tmp_path)
    result = encode(Format.WEBP, ML, pipeline=pipeline)
    assert predictor.metrics == ["ssimulacra2"]
    assert (result.applied.method, result.applied.metric) == (Method.ML, "ssimulacra2")
    assert result.predicted_quality is not None and not result.notices
    assert result.outcome is Outcome.TARGET_MET
    assert abs(result.scores["ssimulacra2"] - 70) <= 1


def test_an_error_that_covers_every_score_trusts_the_prediction(tmp_path: Path) -> None:
    pipeline, _ = of_both(tmp_path)
    trusted = TargetSpec(Method.ML, metric="ssimulacra2", allowed_error=100.0)
    result = encode(Format.WEBP, trusted, pipeline=pipeline)
    assert (result.outcome, result.scores) == (Outcome.PREDICTION_TRUSTED, {})
    almost = TargetSpec(Method.ML, metric="ssimulacra2", allowed_error=99.0)
    assert encode(Format.WEBP, almost, pipeline=pipeline).outcome is Outcome.TARGET_MET
