"""Targets between the scores of halved and of full chroma are met with full chroma."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from PIL import Image

from autoquality_core.formats import (
    AvifEncoder,
    AvifOptions,
    Encoder,
    EncoderOptions,
    JpegOptions,
    encoder_for,
)
from autoquality_core.images import ImageLimits, Pixels
from autoquality_core.metrics import METRICS, SSIMULACRA2
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.methods.chroma import jumps_at
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.session import Session
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Chroma,
    Format,
    Limits,
    Method,
    NoticeCode,
    Outcome,
    RawSource,
    ResolvedTarget,
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
    measure: bool = False,
) -> EncodeResult:
    options = EncoderOptions(**{fmt.value: OPTIONS[fmt](chroma=chroma)})
    metrics = tuple(METRICS.values()) if measure else ()
    job = EncodeJob(source or coloured_text(), fmt, spec, quality, options, metrics)
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


def test_a_file_above_the_jump_is_enough_to_show_it() -> None:
    """If the features of the image say that the qualities below cannot meet the target."""
    image = Image.open(io.BytesIO(photo("motorcycle_left.png"))).convert("RGB")
    image.thumbnail((448, 448))
    source = RawSource(*image.size, 3, image.tobytes())
    result = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, 87), source=source)
    first, *rest = result.probes
    assert (first.quality >= 90, first.chroma) == (True, Chroma.BY_QUALITY)
    assert rest and {one.chroma for one in rest} == {Chroma.FULL}
    assert result.outcome is Outcome.TARGET_MET
    below = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, 100, 89, 89), source=source)
    assert below.scores["ssimulacra2"] < 86


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


@EACH
def test_grey_images_have_no_chroma_to_keep(fmt: Format) -> None:
    grey = coloured_text(1)
    for target in (70.0, 80.0, 88.0, 91.01):
        wanted = TargetSpec(Method.SSIMULACRA2, target, allowed_error=0.05)
        result = encode(fmt, wanted, source=grey)
        assert {one.chroma for one in result.probes} == {Chroma.BY_QUALITY}


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_the_score_jumps_only_where_there_are_colours(bands: int) -> None:
    pixels = Pixels(np.zeros((1, 16, 16, bands), np.uint8))
    encoder = AvifEncoder()
    resolved = ResolvedTarget(Method.SSIMULACRA2, 70.0, 10, 95, 1.0, SSIMULACRA2.name)
    session = Session(pixels, encoder, Deadline())
    found = jumps_at(encoder, session, SSIMULACRA2, resolved)
    assert found == (90 if bands > 2 else None)


def test_limits_on_scores_hold_with_full_chroma() -> None:
    target = inside_the_jump(Format.JPEG)
    free = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, target))
    again = encode(Format.JPEG, TargetSpec(), Chroma.FULL, quality=free.quality, measure=True)
    for share, outcome in ((1.5, Outcome.TARGET_MET), (0.5, Outcome.MAX_DSSIM_REACHED)):
        worst = share * again.scores["dssim"]
        limits = Limits(None, {"dssim": worst})
        result = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, target, limits=limits))
        assert result.outcome is outcome
        assert result.scores["dssim"] <= worst


def test_a_limit_on_bytes_keeps_the_usual_chroma() -> None:
    """It may exclude all files above the jump, which would otherwise show it."""
    target = inside_the_jump(Format.JPEG)
    for quality in (85, 90, 95):
        limits = Limits(len(encode(Format.JPEG, TargetSpec(), quality=quality).image) + 1)
        result = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, target, limits=limits))
        assert {one.chroma for one in result.probes} == {Chroma.BY_QUALITY}
        assert len(result.image) <= (limits.max_bytes or 0)


@EACH
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_without_a_score_near_enough_the_nearest_of_both_chromas_is_the_answer(
    fmt: Format, share: float
) -> None:
    """No search is so precise."""
    low, high = score_at(fmt, 89), score_at(fmt, 90)
    target = low + share * (high - low)
    result = encode(fmt, TargetSpec(Method.SSIMULACRA2, target, allowed_error=1e-3))
    assert result.outcome is Outcome.NEAREST_QUALITY
    assert abs(result.scores["ssimulacra2"] - target) < 3
    assert NoticeCode.FULL_CHROMA in codes(result)


@pytest.mark.parametrize(("low", "high"), [(1, 90), (70, 91), (88, 100)])
def test_a_narrow_range_ends_with_the_nearest_score(low: int, high: int) -> None:
    """Also if the attempt that shows the jump is the last one of the usual search."""
    target = inside_the_jump(Format.JPEG)
    result = encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, target, low, high))
    both = [
        encode(Format.JPEG, TargetSpec(Method.SSIMULACRA2, target, low, high), chroma)
        for chroma in (Chroma.SUBSAMPLED, Chroma.FULL)
    ]
    nearest = min(abs(one.scores["ssimulacra2"] - target) for one in both)
    assert abs(result.scores["ssimulacra2"] - target) <= max(nearest, 1.0)


def test_a_kept_source_has_no_notice_about_chroma() -> None:
    target = inside_the_jump(Format.JPEG)
    source = encode(Format.JPEG, TargetSpec(), Chroma.FULL, quality=25).image
    wanted = TargetSpec(Method.SSIMULACRA2, target)
    options = EncoderOptions(keep_smaller_source=True)
    job = EncodeJob(source, Format.JPEG, wanted, None, options, ())
    result = PIPELINE.encode(job, Deadline())
    assert result.outcome is Outcome.SOURCE_KEPT
    assert NoticeCode.FULL_CHROMA not in codes(result)


def test_a_choice_expects_full_chroma_inside_the_jump() -> None:
    """So an encoder that reaches the target only with full chroma can win."""
    target = inside_the_jump(Format.AVIF)
    wanted = TargetSpec(Method.SSIMULACRA2, target)
    formats = (Format.AVIF, Format.JPEG)
    each = {one: encode(one, wanted) for one in formats}
    job = EncodeJob(coloured_text(), None, wanted, None, EncoderOptions(), (), formats)
    result = PIPELINE.encode(job, Deadline())
    assert result.outcome is Outcome.TARGET_MET
    assert len(result.image) == min(len(one.image) for one in each.values())


class Limited(Deadline):
    """Has time for so many encodings."""

    def __init__(self, encodings: int) -> None:
        super().__init__()
        self.left = encodings

    def remaining(self) -> float:
        return 1e-3 if self.left <= 0 else 3600.0


@pytest.mark.parametrize("error", [1.0, 0.01])
@pytest.mark.parametrize("encodings", [*range(1, 6), 9, 14])
def test_a_deadline_ends_the_search_with_the_nearest_score(
    encodings: int, error: float, monkeypatch: pytest.MonkeyPatch
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
    wanted = TargetSpec(Method.SSIMULACRA2, target, allowed_error=error)
    result = encode(Format.JPEG, wanted, deadline=deadline)
    if result.outcome is Outcome.DEADLINE_REACHED:
        assert len(result.probes) == encodings
    else:
        assert result.outcome in (Outcome.TARGET_MET, Outcome.NEAREST_QUALITY)
    scores = [one.scores["ssimulacra2"] for one in result.probes]
    assert result.scores["ssimulacra2"] == min(scores, key=lambda one: abs(one - target))
