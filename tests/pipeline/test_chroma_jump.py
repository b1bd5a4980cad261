"""Targets between the scores of halved and of full chroma are met with full chroma."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from PIL import Image

from autoquality_core.formats import (
    AvifOptions,
    Encoder,
    EncoderOptions,
    JpegOptions,
    encoder_for,
)
from autoquality_core.images import ImageLimits
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Chroma,
    Format,
    Limits,
    Method,
    NoticeCode,
    Outcome,
    RawSource,
    TargetSpec,
)
from tests.photos import photo

PIPELINE = Pipeline(Defaults(), ImageLimits(2**26, 2**26))
OPTIONS = {Format.JPEG: JpegOptions, Format.AVIF: AvifOptions}
EACH = pytest.mark.parametrize("fmt", OPTIONS)


@cache
def coloured_text(bands: int = 3) -> RawSource:
    """A photograph under thin lines of red and green, which are equally bright."""
    image = Image.open(io.BytesIO(photo("coffee.png"))).convert("RGB").crop((100, 60, 292, 188))
    samples = np.asarray(image).copy()
    samples[10:110:4, 20:170] = (215, 40, 40)
    samples[12:110:4, 20:170] = (40, 120, 40)
    if bands == 1:
        samples = samples[..., 1:2]
    height, width, _ = samples.shape
    return RawSource(width, height, bands, samples.tobytes())


def encode(
    fmt: Format,
    spec: TargetSpec,
    chroma: Chroma = Chroma.BY_QUALITY,
    source: RawSource | None = None,
    *,
    quality: int | None = None,
    deadline: Deadline | None = None,
) -> EncodeResult:
    options = EncoderOptions(**{fmt.value: OPTIONS[fmt](chroma=chroma)})
    job = EncodeJob(source or coloured_text(), fmt, spec, quality, options, ())
    return PIPELINE.encode(job, deadline or Deadline())


@cache
def score_at(fmt: Format, quality: int) -> float:
    best = TargetSpec(Method.SSIMULACRA2, 100, quality, quality)
    return encode(fmt, best).scores["ssimulacra2"]


def inside_the_jump(fmt: Format) -> float:
    """A target that no quality comes near."""
    low, high = score_at(fmt, 89), score_at(fmt, 90)
    assert high - low > 8, "the image shows what it is meant to"
    return (low + high) / 2


def codes(result: EncodeResult) -> Iterator[NoticeCode]:
    return (one.code for one in result.notices)


@EACH
def test_a_target_inside_the_jump_is_met_with_full_chroma(fmt: Format) -> None:
    """With a notice, and with the file that the reported settings give."""
    target = inside_the_jump(fmt)
    result = encode(fmt, TargetSpec(Method.SSIMULACRA2, target))
    assert result.outcome is Outcome.TARGET_MET
    assert result.scores["ssimulacra2"] == pytest.approx(target, abs=1)
    assert result.quality < 90
    assert result.probes[-1].chroma is Chroma.FULL
    assert NoticeCode.FULL_CHROMA in codes(result)
    again = encode(fmt, TargetSpec(), Chroma.FULL, quality=result.quality)
    assert result.image == again.image


@EACH
def test_it_takes_few_encodings(fmt: Format) -> None:
    """The search does not first prove that no quality with halved chroma meets the target."""
    result = encode(fmt, TargetSpec(Method.SSIMULACRA2, inside_the_jump(fmt)))
    assert len(result.probes) < 10


@EACH
@pytest.mark.parametrize("chroma", [Chroma.BY_QUALITY, Chroma.SUBSAMPLED])
def test_other_targets_have_the_usual_chroma(fmt: Format, chroma: Chroma) -> None:
    """Those outside the jump, and all if the request allows no full chroma."""
    inside = chroma is Chroma.SUBSAMPLED
    target = inside_the_jump(fmt) if inside else score_at(fmt, 60)
    result = encode(fmt, TargetSpec(Method.SSIMULACRA2, target), chroma)
    assert result.outcome is (Outcome.MAX_QUALITY_REACHED if inside else Outcome.TARGET_MET)
    assert {one.chroma for one in result.probes} == {chroma}
    assert NoticeCode.FULL_CHROMA not in codes(result)


def test_a_metric_of_luma_sees_no_jump() -> None:
    low = encode(Format.JPEG, TargetSpec(Method.DSSIM, 0, 89, 89)).scores["dssim"]
    high = encode(Format.JPEG, TargetSpec(Method.DSSIM, 0, 90, 90)).scores["dssim"]
    between = TargetSpec(Method.DSSIM, (low + high) / 2, 10, 95, allowed_error=1e-6)
    result = encode(Format.JPEG, between)
    assert {one.chroma for one in result.probes} == {Chroma.BY_QUALITY}


def test_grey_images_have_no_chroma_to_keep() -> None:
    grey = coloured_text(1)
    for target in (70.0, 80.0, 88.0):
        result = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, target), source=grey)
        assert NoticeCode.FULL_CHROMA not in codes(result)


def test_limits_hold_with_full_chroma() -> None:
    """One that keeps the search from the jump, and others that both chromas are within."""
    target = inside_the_jump(Format.JPEG)
    above = encode(Format.JPEG, TargetSpec(), quality=90)
    for limits, outcome in (
        (Limits(len(above.image) + 1, {"dssim": 0.1}), Outcome.TARGET_MET),
        (Limits(len(above.image) // 3), Outcome.MAX_BYTES_REACHED),
    ):
        result = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, target, limits=limits))
        assert result.outcome is outcome
        assert len(result.image) <= (limits.max_bytes or 0)


class Limited(Deadline):
    """Has time for so many encodings."""

    def __init__(self, encodings: int) -> None:
        super().__init__()
        self.left = encodings

    def remaining(self) -> float:
        return 1e-3 if self.left <= 0 else 3600.0


@pytest.mark.parametrize("encodings", range(1, 6))
def test_a_deadline_ends_the_search_with_the_nearest_score(
    encodings: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all encodings so far, with whichever chroma."""
    deadline = Limited(encodings)
    encoder: type[Encoder] = type(encoder_for(Format.JPEG))
    original = encoder.encode

    def counted(*given: object) -> bytes:
        deadline.left -= 1
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(encoder, "encode", counted)
    target = inside_the_jump(Format.JPEG)
    deadline.left = encodings
    result = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, target), deadline=deadline)
    if result.outcome is not Outcome.TARGET_MET:
        assert result.outcome is Outcome.DEADLINE_REACHED
        assert len(result.probes) == encodings
    scores = [one.scores["ssimulacra2"] for one in result.probes]
    assert result.scores["ssimulacra2"] == min(scores, key=lambda one: abs(one - target))
