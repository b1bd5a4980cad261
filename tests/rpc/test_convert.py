"""Protobuf requests become jobs with all defaults filled in, or are refused with a reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import (
    EncoderOptions,
    JpegOptions,
    WebpOptions,
    WebpPreset,
    options_of,
)
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.types import (
    Chroma,
    ColorProfile,
    Format,
    Limits,
    Method,
    Notice,
    NoticeCode,
    Outcome,
    Probe,
    Progress,
    RawSource,
    ResolvedTarget,
    Stage,
    TargetSpec,
    Timings,
    Verdict,
)
from autoquality_server.rpc import convert
from autoquality_server.rpc.convert import (
    encode_job,
    encode_response,
    number_of,
    progress_response,
    target_message,
)

SERVER = EncoderOptions(
    jpeg=JpegOptions(progressive=True, quant_table=3),
    webp=WebpOptions(effort=2, preset=WebpPreset.PHOTO),
)


def request(**fields: object) -> pb.EncodeRequest:
    return pb.EncodeRequest(**{"image": b"x", **fields})  # type: ignore[arg-type]


def test_options_left_open_are_the_servers() -> None:
    job = encode_job(request(), SERVER)
    assert job.options == SERVER
    assert (job.format, job.quality, job.spec.method) == (None, None, None)


def test_options_override_one_by_one() -> None:
    asked = request(
        jpeg=pb.JpegOptions(progressive=False, trellis_quant=True),
        webp=pb.WebpOptions(preset=pb.WEBP_PRESET_ICON),
        png=pb.PngOptions(quantize=True),
        color_profile=pb.COLOR_PROFILE_KEEP,
        keep_copyright=False,
        keep_hidden_colors=True,
        keep_smaller_source=True,
        cap_at_source=True,
        may_shrink=True,
        min_width=320,
    )
    options = encode_job(asked, SERVER).options
    assert options.keep_smaller_source and options.cap_at_source
    assert (options.may_shrink, options.min_width) == (True, 320)
    assert options.color_profile is ColorProfile.KEEP and not options.keep_copyright
    assert options.keep_hidden_colors
    assert options.jpeg == JpegOptions(progressive=False, trellis_quant=True, quant_table=3)
    assert options.webp == WebpOptions(effort=2, preset=WebpPreset.ICON)
    assert options.png.quantize and options.png.compression == 6


@pytest.mark.parametrize("name", ["keep_smaller_source", "cap_at_source"])
def test_a_request_can_switch_off_what_the_server_does_with_a_source(name: str) -> None:
    server = EncoderOptions(**{name: True})
    assert getattr(encode_job(request(), server).options, name)
    assert not getattr(encode_job(request(**{name: False}), server).options, name)


def test_a_zero_that_was_set_is_not_taken_for_absent() -> None:
    job = encode_job(request(auto_quality=pb.AutoQuality(target=0.0, allowed_error=0.0)), SERVER)
    assert (job.spec.target, job.spec.allowed_error) == (0.0, 0.0)
    with pytest.raises(InvalidRequest, match=r"^quality: must be from 1 to 100, is 0"):
        encode_job(request(quality=0), SERVER)


def test_only_metrics_that_the_request_names_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric without a field in the contract is never measured."""
    monkeypatch.setattr(convert, "METRICS", {"dssim": DSSIM, "new": SimpleNamespace(name="new")})
    assert encode_job(request(), SERVER).measure == ()
    assert encode_job(request(measure_dssim=True), SERVER).measure == (DSSIM,)


def test_raw_pixels_are_a_source() -> None:
    asked = pb.EncodeRequest(raw=pb.RawImage(width=2, height=1, bands=3, pixels=b"123456"))
    assert encode_job(asked, SERVER).source == RawSource(2, 1, 3, b"123456")


def test_a_quality_asks_for_method_none() -> None:
    job = encode_job(request(quality=55), SERVER)
    assert (job.quality, job.spec.method) == (55, Method.NONE)


@pytest.mark.parametrize(
    ("text", "colour"), [("#0a0B0d", (10, 11, 13)), ("ff0000", (255, 0, 0)), ("", (255, 255, 255))]
)
def test_a_background_is_a_hex_colour(text: str, colour: tuple[int, int, int]) -> None:
    assert encode_job(request(background=text), SERVER).options.background == colour


@pytest.mark.parametrize(
    ("asked", "field", "right"),
    [
        (pb.EncodeRequest(), "source", "image"),
        (request(format=99), "format", "FORMAT_JPEG"),
        (request(format=-1), "format", "FORMAT_JPEG"),
        (
            request(quality=80, auto_quality=pb.AutoQuality(method=pb.METHOD_SIZE, target=9)),
            "quality",
            "METHOD_NONE",
        ),
        (request(auto_quality=pb.AutoQuality(method=17)), "auto_quality.method", "METHOD_ML"),
        (request(color_profile=9), "color_profile", "COLOR_PROFILE_KEEP"),
        (request(webp=pb.WebpOptions(preset=12)), "webp.preset", "WEBP_PRESET_PHOTO"),
        (request(background="white"), "background", "#ffffff"),
        (request(measure=[9]), "measure", "METRIC_DSSIM, METRIC_SSIMULACRA2"),
        (request(measure=[0]), "measure", "METRIC_DSSIM, METRIC_SSIMULACRA2"),
        (
            request(auto_quality=pb.AutoQuality(method=pb.METHOD_ML, metric=9)),
            "auto_quality.metric",
            "METRIC_DSSIM, METRIC_SSIMULACRA2",
        ),
        (
            request(auto_quality=pb.AutoQuality(method=pb.METHOD_SIZE, metric=1, target=9)),
            "auto_quality.metric",
            "with METHOD_SIZE it must be unset",
        ),
        (
            request(auto_quality=pb.AutoQuality(method=pb.METHOD_SSIMULACRA2, target=170)),
            "auto_quality.target",
            "with METHOD_SSIMULACRA2 it is a score from 0 to 100; is 170",
        ),
    ],
)
def test_an_error_names_the_field_and_says_what_would_be_right(
    asked: pb.EncodeRequest, field: str, right: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        encode_job(asked, SERVER)
    assert caught.value.field == field
    assert right in caught.value.description


RANGES = {
    "quality": (1, 100),
    "auto_quality.min_quality": (1, 100),
    "auto_quality.max_quality": (1, 100),
    "auto_quality.allowed_error": (0, 100),  # without a method, any metric's
    "auto_quality.max_dssim": (0, 1),
    "auto_quality.min_ssimulacra2": (0, 100),
    "jpeg.quant_table": (0, 8),
    "webp.effort": (0, 6),
    "webp.alpha_quality": (0, 100),
    "avif.speed": (0, 9),
    "jxl.effort": (1, 7),
    "png.compression": (0, 9),
    "png.quantization_colors": (2, 256),
}
"""The ranges that the contract promises, both ends included."""


def request_with(path: str, value: float) -> pb.EncodeRequest:
    asked = request()
    *groups, field = path.split(".")
    message = getattr(asked, groups[0]) if groups else asked
    setattr(message, field, value)
    return asked


@pytest.mark.parametrize("path", RANGES)
def test_both_ends_of_a_range_are_accepted_and_one_step_beyond_is_refused(path: str) -> None:
    low, high = RANGES[path]
    for accepted in (low, high):
        encode_job(request_with(path, accepted), EncoderOptions())
    for refused in (low - 1, high + 1):
        with pytest.raises(InvalidRequest, match=f"from {low} to {high}, is {refused}") as caught:
            encode_job(request_with(path, refused), EncoderOptions())
        assert caught.value.field == path


def test_the_ranges_include_every_numeric_option() -> None:
    numeric = {
        f"{fmt.value}.{option.name}"
        for fmt in Format
        for option in options_of(type(getattr(EncoderOptions(), fmt.value)))
        if type(option.default) is int
    }
    assert numeric == {
        path for path in RANGES if path.split(".")[0] in {one.value for one in Format}
    }


def test_every_format_and_method_of_the_contract_is_known() -> None:
    for number in pb.Format.values():
        encode_job(request(format=number), SERVER)
    for number in pb.Method.values():
        asked = pb.AutoQuality(method=number, target=1)
        encode_job(request(auto_quality=asked), SERVER)
    for number in pb.Metric.values():
        asked = pb.AutoQuality(method=pb.METHOD_ML, metric=number)
        encode_job(request(auto_quality=asked, measure=[number] if number else []), SERVER)
    assert encode_job(request(format=pb.FORMAT_AVIF), SERVER).format is Format.AVIF


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        *((Format, pb.Format), (Method, pb.Method), (Outcome, pb.Outcome), (Chroma, pb.Chroma)),
        *((Verdict, pb.Candidate.Verdict), (NoticeCode, pb.Notice.Code), (METRICS, pb.Metric)),
        (Stage, pb.EncodeProgress.Stage),
    ],
)
def test_every_value_of_an_answer_has_a_number_of_its_own(members: Any, kind: Any) -> None:
    numbers = [number_of(kind.DESCRIPTOR, one) for one in members]
    assert len(set(numbers)) == len(numbers) and 0 not in numbers


def test_each_metric_to_measure_is_measured_once() -> None:
    both = [pb.METRIC_SSIMULACRA2, pb.METRIC_DSSIM, pb.METRIC_SSIMULACRA2]
    assert encode_job(request(measure=both, measure_dssim=True), SERVER).measure == (
        *(DSSIM, SSIMULACRA2),
    )
    assert encode_job(request(measure_dssim=True), SERVER).measure == (DSSIM,)
    assert encode_job(request(), SERVER).measure == ()


def test_the_metric_of_ml_is_the_one_that_was_set() -> None:
    asked = pb.AutoQuality(method=pb.METHOD_ML, metric=pb.METRIC_SSIMULACRA2, target=80)
    assert encode_job(request(auto_quality=asked), SERVER).spec.metric == "ssimulacra2"
    assert encode_job(request(), SERVER).spec.metric is None


def test_limits_are_those_that_were_set() -> None:
    assert not encode_job(request(), SERVER).spec.limits
    asked = pb.AutoQuality(max_bytes=100_000, max_dssim=0.0, min_ssimulacra2=50)
    limits = encode_job(request(auto_quality=asked), SERVER).spec.limits
    assert limits == Limits(100_000, {"dssim": 0.0, "ssimulacra2": 50})


def test_the_settings_that_were_used_can_be_sent_again() -> None:
    """Every field is set, but `metric` and limits only where they mean something."""
    limited = Defaults(limits=Limits(900, {"ssimulacra2": 50}))
    used = target_message(limited.resolve(TargetSpec(), Format.WEBP))
    assert (used.max_bytes, used.HasField("max_dssim"), used.min_ssimulacra2) == (900, False, 50)
    spec = encode_job(request(auto_quality=used), SERVER).spec
    assert target_message(Defaults().resolve(spec, Format.WEBP)) == used
    for method in Method:
        used = target_message(Defaults(target=9000.0).resolve(TargetSpec(method), Format.WEBP))
        assert used.HasField("target") and used.HasField("allowed_error")
        spec = encode_job(request(auto_quality=used), SERVER).spec
        assert target_message(Defaults().resolve(spec, Format.WEBP)) == used


PROBE = Probe(71, 900, {"dssim": 0.0125}, 0.25, 0.5, alpha_quality=90)
RESULT = EncodeResult(
    image=b"12345",
    format=Format.WEBP,
    quality=72,
    scores={"dssim": 0.0115},
    outcome=Outcome.TARGET_MET,
    applied=ResolvedTarget(Method.DSSIM, 0.0117, 60, 90, 0.001),
    predicted_quality=71,
    probes=(PROBE, PROBE),
    notices=(Notice(NoticeCode.METADATA_DROPPED, "left out: Exif"),),
    width=4,
    height=3,
    frames=2,
    alpha_quality=80,
    timings=Timings(0.5, 1.0, 1.5, 2.0, 2.5),
)


def test_a_response_has_every_field_of_the_result() -> None:
    response = encode_response(RESULT, 8.0)
    assert (response.image, response.size_bytes, response.format) == (b"12345", 5, pb.FORMAT_WEBP)
    assert (response.quality, response.predicted_quality, response.alpha_quality) == (72, 71, 80)
    assert (response.width, response.height, response.frames) == (4, 3, 2)
    assert (response.dssim, response.iterations) == (0.0115, 2)
    assert response.outcome == pb.OUTCOME_TARGET_MET
    assert response.applied == pb.AutoQuality(
        method=pb.METHOD_DSSIM, target=0.0117, min_quality=60, max_quality=90, allowed_error=0.001
    )
    (notice,) = response.notices
    assert (notice.code, notice.message) == (pb.Notice.CODE_METADATA_DROPPED, "left out: Exif")
    times = [getattr(response.timings, one.name) for one in pb.Timings.DESCRIPTOR.fields]
    assert sorted(one.ToMilliseconds() for one in times) == [500, 1000, 1500, 2000, 2500, 8000]
    assert response.timings.total.ToMilliseconds() == 8000
    assert (
        list(response.probes)
        == [progress_response(Progress(Stage.PROBED, PROBE)).progress.probe] * 2
    )


def test_a_response_without_its_image_still_has_the_size() -> None:
    response = encode_response(RESULT, 8.0, with_image=False)
    assert (response.image, response.size_bytes) == (b"", 5)


def test_only_the_progress_of_a_probe_has_a_probe() -> None:
    progress = progress_response(Progress(Stage.PROBED, PROBE)).progress
    assert (progress.stage, progress.HasField("probe")) == (pb.EncodeProgress.STAGE_PROBED, True)
    probe = progress.probe
    assert (probe.quality, probe.size_bytes, probe.dssim, probe.alpha_quality) == (
        *(71, 900, 0.0125, 90),
    )
    assert (probe.encode_time.ToMilliseconds(), probe.measure_time.ToMilliseconds()) == (250, 500)
    progress = progress_response(Progress(Stage.QUEUED)).progress
    assert (progress.stage, progress.HasField("probe")) == (pb.EncodeProgress.STAGE_QUEUED, False)


@pytest.mark.parametrize(
    ("seconds", "parts"),
    [
        (0.0, (0, 0)),
        (0.25, (0, 250_000_000)),
        (61.0000016, (61, 2000)),
        (0.9999996, (1, 0)),
        (2_000_003.5, (2_000_003, 500_000_000)),
    ],
)
def test_times_are_rounded_to_microseconds(seconds: float, parts: tuple[int, int]) -> None:
    total = encode_response(RESULT, seconds).timings.total
    assert (total.seconds, total.nanos) == parts
