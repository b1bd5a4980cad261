"""keep_smaller_source where neither the source nor the encoding fits a byte budget."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

import autoquality_core as aq
from autoquality_core.formats import (
    AvifEncoder,
    Encoder,
    EncoderOptions,
    JpegEncoder,
    JxlEncoder,
    WebpEncoder,
)
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, NoticeCode, Outcome, TargetSpec, Verdict
from tests.formats.sources import photograph
from tests.images.metadata_files import exif, saved
from tests.pipeline.kept import PIPELINE, Passing, codes, texts_of

ENCODERS: tuple[Encoder, ...] = (JpegEncoder(), WebpEncoder(), AvifEncoder(), JxlEncoder())
EACH = pytest.mark.parametrize("encoder", ENCODERS, ids=lambda one: one.format.value)


def encode(source: bytes, fmt: Format | list[str] | None = None, **options: Any) -> EncodeResult:
    return aq.encode(source, fmt, **{"keep_smaller_source": True} | options)


def file(encoder: Encoder) -> bytes:
    return encoder.encode(photograph(), 40)


def message(result: EncodeResult) -> str:
    (found,) = (one.message for one in result.notices if one.code is NoticeCode.LIMIT_EXCEEDED)
    return found


@EACH
def test_a_source_that_is_smaller_than_an_encoding_over_the_target_is_the_answer(
    encoder: Encoder,
) -> None:
    source = file(encoder)
    result = encode(source, method="size", target=len(source) - 1, min_quality=90)
    assert (result.outcome, result.image) == (Outcome.SOURCE_KEPT, source)
    assert result.probes and min(one.size_bytes for one in result.probes) > len(source)
    size = len(source)
    assert message(result) == (
        f"the source has {size} bytes, the target is {size - 1}: the encoding is not smaller"
    )


@EACH
def test_a_source_that_is_smaller_than_an_encoding_over_max_bytes_is_the_answer(
    encoder: Encoder,
) -> None:
    source = file(encoder)
    options = {"target": 90, "min_quality": 85, "max_bytes": len(source) // 2}
    result = encode(source, method="ssimulacra2", **options)
    assert (result.outcome, result.image) == (Outcome.SOURCE_KEPT, source)
    assert codes(result) == [NoticeCode.LIMIT_EXCEEDED]
    assert f"max_bytes is {len(source) // 2}" in message(result)


@EACH
def test_a_larger_source_is_not_the_answer_where_both_are_over_the_budget(encoder: Encoder) -> None:
    source = encoder.encode(photograph(), 95)
    for options in (
        {"method": "size", "target": 10},
        {"method": "dssim", "target": 0.02, "max_bytes": 10},
    ):
        result = encode(source, min_quality=40, **options)
        assert result.outcome in (Outcome.MIN_QUALITY_REACHED, Outcome.LIMITS_CONFLICT)
        assert len(result.image) < len(source)


def test_an_encoding_within_the_budget_is_better_than_a_smaller_source_over_it() -> None:
    source = file(JpegEncoder())
    result = encode(source, method="size", target=len(source) - 1, min_quality=1)
    assert result.outcome is Outcome.TARGET_MET and len(result.image) < len(source)


def test_fewer_pixels_within_the_budget_are_better_than_a_source_over_it() -> None:
    source = file(JpegEncoder())
    options = {"method": "size", "target": len(source) * 3 // 4, "min_quality": 90}
    result = encode(source, may_shrink=True, **options)
    assert NoticeCode.IMAGE_SHRUNK in codes(result)
    assert len(result.image) <= len(source) * 3 // 4
    tried = encode(source, may_shrink=True, min_width=96, **options)
    assert tried.image == source


def test_a_default_minimum_that_keeps_the_encoding_from_the_budget_is_reported() -> None:
    source, options = file(JpegEncoder()), EncoderOptions(keep_smaller_source=True)
    spec = TargetSpec(method=Method.SIZE, target=len(source) - 1)
    result = PIPELINE.encode(EncodeJob(source, None, spec, None, options), Deadline())
    assert result.image == source
    assert codes(result) == [NoticeCode.LIMIT_EXCEEDED, NoticeCode.DEFAULT_BOUND_REACHED]


def test_a_fixed_quality_over_max_bytes_is_replaced_by_a_smaller_source() -> None:
    source = file(JpegEncoder())
    result = encode(source, quality=95, max_bytes=len(source) - 1)
    assert result.image == source and codes(result) == [NoticeCode.LIMIT_EXCEEDED]


def test_a_png_of_fewer_bytes_is_kept_over_the_budget() -> None:
    written = io.BytesIO()
    Image.fromarray(photograph().samples[0] // 64 * 64).quantize(64).save(
        written, "PNG", optimize=True
    )
    result = encode(written.getvalue(), method="size", target=100)
    assert result.image == written.getvalue() and NoticeCode.LIMIT_EXCEEDED in codes(result)


def test_copyright_and_author_stay_in_a_source_over_the_budget() -> None:
    source = saved("JPEG", photograph().samples[0], quality=40, exif=exif(t37500=bytes(900)))
    options = {"method": "size", "target": 100, "min_quality": 95, "keep_metadata": True}
    result = encode(source, **options)
    assert result.outcome is Outcome.SOURCE_KEPT and len(result.image) < len(source) - 800
    assert all(texts_of(result.image))
    assert codes(result) == [NoticeCode.METADATA_DROPPED, NoticeCode.LIMIT_EXCEEDED]


def test_candidates_are_larger_than_the_source_where_all_are_over_the_budget() -> None:
    source = file(WebpEncoder())
    result = encode(source, ["jpeg", "webp"], method="size", target=100, min_quality=90)
    first, *others = result.candidates
    assert (first.verdict, first.size_bytes) == (Verdict.CHOSEN, len(source))
    known = [one for one in others if not one.predicted and one.size_bytes is not None]
    assert known and {one.verdict for one in known} == {Verdict.LARGER}
    for one in known:
        assert one.size_bytes is not None and one.size_bytes > len(source)


def test_a_deadline_is_not_hidden_behind_a_source_over_the_budget() -> None:
    source, options = file(JpegEncoder()), EncoderOptions(keep_smaller_source=True)
    ended = []
    for target in range(len(source) * 9 // 10, len(source), 8):
        spec = TargetSpec(Method.SIZE, target, 1, 95)
        job = EncodeJob(source, None, spec, None, options)
        result = PIPELINE.encode(job, Passing(0))
        assert result.outcome in (Outcome.TARGET_MET, Outcome.DEADLINE_REACHED)
        ended.append(len(result.image) > len(source))
    assert any(ended)


def test_a_source_over_both_limits_on_bytes_names_both() -> None:
    source = file(JpegEncoder())
    options = {"target": len(source) - 2, "max_bytes": len(source) - 1, "min_quality": 90}
    size = len(source)
    assert message(encode(source, method="size", **options)) == (
        f"the source has {size} bytes, the target is {size - 2} and max_bytes is {size - 1}: "
        "the encoding is not smaller"
    )
