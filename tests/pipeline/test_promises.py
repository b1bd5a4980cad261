"""The promises of each method, with real codecs and photographs, without gRPC."""

from __future__ import annotations

import pytest
import pyvips

import autoquality_core as aq
from autoquality_core.errors import DeadlinePassed, InvalidRequest, RequestCancelled
from autoquality_core.formats import EncoderOptions, JpegOptions, encoder_for
from autoquality_core.images import ImageLimits, open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.session import RETURN_SECONDS, Session
from autoquality_core.runtime.context import Context
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    Format,
    Method,
    NoticeCode,
    Outcome,
    RawSource,
    TargetSpec,
)
from tests.photos import animation, crop, with_alpha
from tests.pipeline.kept import Impatient

PIPELINE = Pipeline(Defaults(), ImageLimits(2**26, 50_000_000))
PHOTO = crop("astronaut.png", 160, 120)
WITH_QUALITY = (Format.JPEG, Format.WEBP, Format.AVIF, Format.JXL)


def encode(
    fmt: Format | None = None,
    spec: TargetSpec | None = None,
    source: bytes | RawSource = PHOTO,
    *,
    quality: int | None = None,
    options: EncoderOptions | None = None,
    measure: bool = False,
    deadline: Deadline | None = None,
) -> EncodeResult:
    job = EncodeJob(
        *(source, fmt, spec or TargetSpec(), quality, options or EncoderOptions()),
        measure=(DSSIM,) if measure else (),
    )
    return PIPELINE.encode(job, deadline or Deadline())


def wide(method: Method, target: float, error: float | None = None) -> TargetSpec:
    return TargetSpec(method, target, 10, 95, error)


@pytest.mark.parametrize(
    ("fmt", "quality"),
    [(Format.JPEG, 80), (Format.WEBP, 79), (Format.AVIF, 63), (Format.JXL, 77)],
)
def test_none_uses_the_formats_default_quality(fmt: Format, quality: int) -> None:
    result = encode(fmt)
    assert (result.quality, result.outcome) == (quality, Outcome.FIXED_QUALITY)
    assert result.scores == {} and len(result.probes) == 1


def test_a_target_without_a_method_is_not_ignored_in_silence() -> None:
    result = encode(Format.WEBP, TargetSpec(target=0.02))
    assert [one.code for one in result.notices] == [NoticeCode.TARGET_UNUSED]
    assert "set the method" in result.notices[0].message


@pytest.mark.parametrize(
    "spec", [TargetSpec(Method.SSIMULACRA2, target=70), TargetSpec(Method.SIZE, target=1000)]
)
def test_a_target_of_a_format_without_quality_is_not_ignored_in_silence(spec: TargetSpec) -> None:
    result = encode(Format.PNG, spec)
    assert [one.code for one in result.notices] == [NoticeCode.TARGET_UNUSED]
    assert "PNG has no quality" in result.notices[0].message


@pytest.mark.parametrize(
    ("encoder", "option"),
    [
        (aq.WebpEncoder(aq.WebpOptions(lossless=aq.Lossless.ALWAYS)), "webp.lossless"),
        (aq.JxlEncoder(aq.JxlOptions(lossless=True)), "jxl.lossless"),
    ],
)
def test_a_target_of_a_lossless_file_is_not_ignored_in_silence(
    encoder: aq.Encoder, option: str
) -> None:
    result = aq.encode(PHOTO, encoder, target="high")
    assert [one.code for one in result.notices] == [NoticeCode.TARGET_UNUSED]
    assert f"{option} leaves no quality" in result.notices[0].message


def test_none_measures_only_when_asked() -> None:
    result = encode(Format.WEBP, quality=30, measure=True)
    assert result.quality == 30
    assert result.scores["dssim"] == result.probes[0].scores["dssim"]
    assert 0.01 < result.scores["dssim"] < 0.2


@pytest.mark.parametrize("fmt", WITH_QUALITY)
def test_size_is_within_budget_and_the_next_quality_is_over_it(fmt: Format) -> None:
    budget = len(encode(fmt, quality=55).image) + 3
    result = encode(fmt, wide(Method.SIZE, budget))
    assert result.outcome is Outcome.TARGET_MET
    assert len(result.image) <= budget
    assert len(encode(fmt, quality=result.quality + 1).image) > budget
    assert result.scores == {}


def test_size_measures_the_answer_when_asked() -> None:
    result = encode(Format.JPEG, wide(Method.SIZE, 3000), measure=True)
    assert "dssim" in result.scores
    assert sum("dssim" in one.scores for one in result.probes) == 1


@pytest.mark.parametrize("fmt", WITH_QUALITY)
def test_a_budget_that_nothing_fits_yields_the_smallest_and_says_so(fmt: Format) -> None:
    result = encode(fmt, wide(Method.SIZE, 20))
    assert (result.quality, result.outcome) == (10, Outcome.MIN_QUALITY_REACHED)


def test_a_budget_that_everything_fits_yields_max_in_one_encoding() -> None:
    result = encode(Format.JPEG, TargetSpec(Method.SIZE, 1e9, 10, 60))
    assert (result.quality, result.outcome) == (60, Outcome.TARGET_MET)


@pytest.mark.parametrize("fmt", WITH_QUALITY)
@pytest.mark.parametrize("target", [0.01, 0.02])
def test_dssim_is_within_the_allowed_error(fmt: Format, target: float) -> None:
    result = encode(fmt, wide(Method.DSSIM, target, 0.002))
    assert result.outcome is Outcome.TARGET_MET
    assert abs(result.scores["dssim"] - target) <= 0.002
    assert any(
        one.quality == result.quality and one.scores["dssim"] == result.scores["dssim"]
        for one in result.probes
    )


def test_the_image_returned_is_the_one_measured() -> None:
    """Not the last probe: decoding the result gives the DSSIM that was reported."""
    result = encode(Format.WEBP, wide(Method.DSSIM, 0.02, 0.00001))
    again = PIPELINE.compare(PHOTO, result.image, Deadline())
    assert again.scores["dssim"] == pytest.approx(result.scores["dssim"], abs=1e-4)


def test_the_bound_is_returned_when_the_range_misses_the_target() -> None:
    low = encode(Format.JPEG, TargetSpec(Method.DSSIM, 0.0001, 10, 20, 0.00001))
    assert (low.quality, low.outcome) == (20, Outcome.MAX_QUALITY_REACHED)
    high = encode(Format.JPEG, TargetSpec(Method.DSSIM, 0.4, 90, 95, 0.001))
    assert (high.quality, high.outcome) == (90, Outcome.MIN_QUALITY_REACHED)


def test_ml_without_a_network_is_served_as_dssim_with_the_requests_own_options() -> None:
    options = EncoderOptions(jpeg=JpegOptions(progressive=False))
    by_ml = encode(Format.JPEG, wide(Method.ML, 0.02), options=options)
    by_dssim = encode(Format.JPEG, wide(Method.DSSIM, 0.02), options=options)
    assert by_ml.applied == by_dssim.applied
    assert by_ml.applied.method is Method.DSSIM
    assert by_ml.image == by_dssim.image
    assert [one.code for one in by_ml.notices] == [NoticeCode.NETWORK_UNAVAILABLE]
    assert by_ml.predicted_quality is None


@pytest.mark.parametrize("method", [Method.NONE, Method.DSSIM, Method.ML])
def test_a_format_without_a_quality_is_saved_as_it_is(method: Method) -> None:
    result = encode(Format.PNG, TargetSpec(method=method), measure=True)
    assert (result.quality, result.outcome) == (0, Outcome.NO_QUALITY)
    assert result.scores["dssim"] == 0.0


def test_nothing_leaks_from_one_request_into_the_next() -> None:
    first = encode(Format.WEBP, wide(Method.DSSIM, 0.02))
    encode(Format.WEBP, wide(Method.DSSIM, 0.005), crop("chelsea.png", 100, 90))
    assert encode(Format.WEBP, wide(Method.DSSIM, 0.02)).image == first.image


class TestFormats:
    def test_the_sources_format_is_kept(self) -> None:
        webp = encode(Format.WEBP).image
        assert encode(source=webp).format is Format.WEBP
        assert encode().format is Format.PNG

    def test_a_format_that_is_not_written_becomes_jpeg_or_png(self) -> None:
        assert encode(source=animation()).format is Format.JPEG
        assert encode(source=RawSource(20, 20, 3, bytes(1200))).format is Format.JPEG
        half_clear = bytes([10, 20, 30, 128]) * 400
        assert encode(source=RawSource(20, 20, 4, half_clear)).format is Format.PNG

    def test_jpeg_is_flattened_on_the_background_and_says_so(self) -> None:
        options = EncoderOptions(background=(255, 0, 0))
        clear = RawSource(32, 32, 4, bytes([0, 0, 255, 0]) * 1024)
        result = encode(Format.JPEG, source=clear, options=options, quality=95, measure=True)
        assert [one.code for one in result.notices] == [NoticeCode.ALPHA_FLATTENED]
        png = encode(Format.PNG, source=result.image).image
        red = encode(Format.PNG, source=RawSource(32, 32, 3, bytes([254, 0, 0]) * 1024)).image
        assert PIPELINE.compare(png, red, Deadline()).scores["dssim"] < 1e-4

    @pytest.mark.parametrize("fmt", [Format.WEBP, Format.AVIF, Format.JXL])
    def test_alpha_is_kept_and_searched_by(self, fmt: Format) -> None:
        result = encode(fmt, wide(Method.DSSIM, 0.01, 0.003), with_alpha())
        assert result.outcome is Outcome.TARGET_MET
        assert not result.notices
        assert encode(source=encode(Format.PNG, source=result.image).image).format is Format.PNG

    def test_animation_stays_in_webp_and_is_measured_over_all_frames(self) -> None:
        result = encode(Format.WEBP, wide(Method.DSSIM, 0.002, 0.002), animation(5))
        assert result.frames == 5
        assert "dssim" in result.scores
        assert not result.notices

    @pytest.mark.parametrize("fmt", [Format.JPEG, Format.AVIF, Format.PNG])
    def test_other_formats_take_the_first_frame_and_say_so(self, fmt: Format) -> None:
        result = encode(fmt, source=animation(5))
        assert result.frames == 1
        assert NoticeCode.FIRST_FRAME_ONLY in [one.code for one in result.notices]

    def test_the_first_page_of_a_document_is_encoded_with_a_notice(self) -> None:
        pages = pyvips.Image.black(32, 64).copy()
        pages.set_type(pyvips.GValue.gint_type, "page-height", 32)
        result = encode(Format.WEBP, source=bytes(pages.tiffsave_buffer()))
        assert (result.height, result.frames) == (32, 1)
        assert [one.code for one in result.notices] == [NoticeCode.FIRST_FRAME_ONLY]

    @pytest.mark.parametrize(("bands", "instead"), [(3, Format.JPEG), (4, Format.PNG)])
    def test_an_avif_too_small_becomes_another_format_and_says_so(
        self, bands: int, instead: Format
    ) -> None:
        source = RawSource(40, 15, bands, bytes([10, 200, 90, 100][:bands]) * 600)
        result = encode(Format.AVIF, source=source)
        assert result.format is instead
        assert NoticeCode.FORMAT_SUBSTITUTED in [one.code for one in result.notices]

    @pytest.mark.parametrize(("bands", "instead"), [(3, Format.JPEG), (4, Format.PNG)])
    def test_a_bound_meant_for_avif_does_not_clash_with_those_of_its_substitute(
        self, bands: int, instead: Format
    ) -> None:
        source = RawSource(15, 15, bands, bytes([10, 200, 90, 100][:bands]) * 225)
        result = encode(Format.AVIF, TargetSpec(Method.DSSIM, max_quality=65), source)
        assert result.format is instead
        assert (result.applied.min_quality, result.applied.max_quality) == (65, 65)

    @pytest.mark.parametrize("fmt", [None, Format.PNG])
    def test_bounds_do_not_matter_to_a_format_without_a_quality(self, fmt: Format | None) -> None:
        assert encode(fmt, TargetSpec(max_quality=60)).outcome is Outcome.NO_QUALITY

    def test_too_long_a_side_is_refused(self) -> None:
        with pytest.raises(InvalidRequest) as caught:
            encode(Format.WEBP, source=RawSource(17000, 2, 1, bytes(34000)))
        assert caught.value.field == "format"


class TestDeadlines:
    def test_one_that_has_passed_is_an_error(self) -> None:
        with pytest.raises(DeadlinePassed):
            encode(Format.WEBP, deadline=Deadline(-1))

    def test_a_cancelled_request_stops(self) -> None:
        gone = Deadline()
        gone.cancel()
        with pytest.raises(RequestCancelled):
            encode(Format.WEBP, deadline=gone)

    def test_a_request_cancelled_between_two_probes_stops_there(self) -> None:
        class GoneAfterTheFirst(Deadline):
            asked = 0

            def remaining(self) -> float:
                self.asked += 1
                if self.asked == 4:
                    self.cancel()
                return 60.0

        deadline = GoneAfterTheFirst(60)
        context = Context(deadline)
        job = EncodeJob(PHOTO, Format.WEBP, wide(Method.DSSIM, 0.02, 1e-9), None, EncoderOptions())
        with context.active(), pytest.raises(RequestCancelled):
            PIPELINE.encode(job, deadline)
        assert context.timings.encode > 0

    def test_the_best_so_far_is_returned_when_no_other_probe_fits(self) -> None:
        """One encoding is made, then the deadline is nearer than another would take."""
        result = encode(Format.AVIF, wide(Method.DSSIM, 0.02, 1e-9), deadline=Impatient())
        assert result.outcome is Outcome.DEADLINE_REACHED
        assert len(result.probes) == 1

    def test_a_probe_far_above_the_slowest_is_expected_to_take_longer(self) -> None:
        deadline = Deadline(3600)
        source = open_image(PHOTO, ImageLimits(2**24, 2**24)).decode(all_frames=False)
        codec = encoder_for(Format.WEBP)
        session = Session(source, codec, deadline)
        took = session.probe(30).encode_seconds
        deadline.remaining = lambda: took * 2 + RETURN_SECONDS  # type: ignore[method-assign]
        assert session.may_continue(20) and session.may_continue(40)
        assert not session.may_continue(98)

    @pytest.mark.parametrize("spec", [wide(Method.SIZE, 3000), TargetSpec(Method.NONE)])
    def test_a_measurement_that_does_not_fit_the_deadline_is_left_out(
        self, spec: TargetSpec
    ) -> None:
        """An answer in hand is worth more than its DSSIM."""
        result = encode(Format.WEBP, spec, measure=True, deadline=Impatient())
        assert result.image and result.scores == {}

    def test_a_wrong_wish_is_refused_before_the_image_is_looked_at(self) -> None:
        with pytest.raises(InvalidRequest, match="max_quality 80"):
            encode(Format.JPEG, TargetSpec(min_quality=90), b"not an image")
