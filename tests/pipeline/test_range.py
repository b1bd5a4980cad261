"""The notice of a target that a default bound of the range prevents."""

from __future__ import annotations

import pytest

from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, NoticeCode, Outcome, TargetSpec
from tests.photos import crop

PHOTO = crop("astronaut.png", 128, 96)
LOW, HIGH = Outcome.MIN_QUALITY_REACHED, Outcome.MAX_QUALITY_REACHED


def encode(
    spec: TargetSpec, fmt: Format = Format.JPEG, defaults: Defaults | None = None
) -> EncodeResult:
    pipeline = Pipeline(defaults or Defaults(), ImageLimits(2**26, 50_000_000))
    return pipeline.encode(EncodeJob(PHOTO, fmt, spec, None, EncoderOptions()), Deadline())


@pytest.mark.parametrize(
    ("method", "target", "fmt", "outcome", "message"),
    [
        (Method.DSSIM, 0.9, Format.JPEG, LOW, "below 70, the default minimum for JPEG: set min"),
        (Method.DSSIM, 0.0, Format.AVIF, HIGH, "above 65, the default maximum for AVIF: set max"),
        (Method.SIZE, 100, Format.WEBP, LOW, "below 70, the default minimum for WEBP: set min"),
        (Method.SSIMULACRA2, 99, Format.JPEG, HIGH, "above 95, the default maximum for JPEG"),
    ],
)
def test_a_default_bound_that_keeps_the_answer_from_its_target_is_named(
    method: Method, target: float, fmt: Format, outcome: Outcome, message: str
) -> None:
    result = encode(TargetSpec(method, target), fmt)
    assert result.outcome is outcome
    (notice,) = result.notices
    assert notice.code is NoticeCode.DEFAULT_BOUND_REACHED
    assert message in notice.message
    assert ("(--min)" if outcome is LOW else "(--max)") in notice.message


@pytest.mark.parametrize(
    ("low", "high", "target", "outcome"),
    [(70, None, 0.9, LOW), (None, 80, 0.0, HIGH), (75, 75, 0.0, HIGH)],
)
def test_a_bound_of_the_request_is_not_reported(
    low: int | None, high: int | None, target: float, outcome: Outcome
) -> None:
    result = encode(TargetSpec(Method.DSSIM, target, low, high))
    assert (result.outcome, result.notices) == (outcome, ())


@pytest.mark.parametrize(("target", "outcome"), [(0.9, LOW), (0.0, HIGH)])
def test_a_bound_that_no_request_can_exceed_is_not_reported(
    target: float, outcome: Outcome
) -> None:
    widest = Defaults(min_quality=1, max_quality=100)
    result = encode(TargetSpec(Method.DSSIM, target, allowed_error=0), defaults=widest)
    assert (result.outcome, result.notices) == (outcome, ())
