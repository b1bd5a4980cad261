"""Between the messages of the contract and the types of the core.

Every field of a request is checked; an error names all fields that are wrong.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidRequest, Violations
from autoquality_core.formats import EncoderOptions, Option, options_of, updated
from autoquality_core.metrics import DSSIM, METRICS, Metric, limit_name
from autoquality_core.pipeline.defaults import check_spec
from autoquality_core.pipeline.job import Considered, EncodeJob, EncodeResult
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    Chroma,
    ColorProfile,
    Data,
    Format,
    Limits,
    Method,
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

T = TypeVar("T")
V = TypeVar("V", bound=int)

FORMAT_NUMBERS = {one: pb.Format.Value(f"FORMAT_{one.name}") for one in Format}
METHOD_NUMBERS = {one: pb.Method.Value(f"METHOD_{one.name}") for one in Method}
METRIC_NUMBERS = {name: pb.Metric.Value(f"METRIC_{name.upper()}") for name in METRICS}
_FORMATS = {number: one for one, number in FORMAT_NUMBERS.items()}
_METHODS = {number: one for one, number in METHOD_NUMBERS.items()}
_METRICS = {number: name for name, number in METRIC_NUMBERS.items()}
_COLOR_PROFILES = {pb.ColorProfile.Value(f"COLOR_PROFILE_{one.name}"): one for one in ColorProfile}
_OUTCOMES = {one: pb.Outcome.Value(f"OUTCOME_{one.name}") for one in Outcome}
_CHROMAS = {one: pb.Chroma.Value(f"CHROMA_{one.name}") for one in Chroma}
_VERDICTS = {one: pb.Candidate.Verdict.Value(f"VERDICT_{one.name}") for one in Verdict}
_STAGES = {one: pb.EncodeProgress.Stage.Value(f"STAGE_{one.name}") for one in Stage}
_SCORE_LIMITS = {
    name: limit_name(metric)
    for name, metric in METRICS.items()
    if limit_name(metric) in pb.AutoQuality.DESCRIPTOR.fields_by_name
}
"""The fields of the contract that limit scores, by the name of the metric."""
_NOTICES = {one: pb.Notice.Code.Value(f"CODE_{one.name}") for one in NoticeCode}


def encode_job(
    request: pb.EncodeRequest,
    server: EncoderOptions,
    source: Data | RawSource | None = None,
    *,
    check: Callable[[EncodeJob], None] | None = None,
) -> EncodeJob:
    """The job that `request` describes, with the `server`'s options where it sets none.

    `source` replaces the source of the request. If a field is wrong, `check` looks for further
    ones in the rest of the job. Raises InvalidRequest with all fields that are wrong.
    """
    wrong = Violations()
    fmt = None
    measure: tuple[Metric, ...] = ()
    candidates: tuple[Format, ...] = ()
    with wrong:
        source = _source(request) if source is None else source
    with wrong:
        fmt = _enum("format", request.format, _FORMATS, pb.Format)
    spec, quality = _target_spec(request, wrong)
    options = _options(request, server, wrong)
    with wrong:
        measure = _measured(request)
    with wrong:
        candidates = _candidates(request)
    given = b"" if source is None else source
    job = EncodeJob(given, fmt, spec, quality, options, measure, candidates)
    if wrong and check is not None:
        wrong.add(*_further(job, check, wrong))
    wrong.raise_any()
    return job


def _further(
    job: EncodeJob, check: Callable[[EncodeJob], None], wrong: Violations
) -> list[InvalidRequest]:
    """The errors that `check` finds, without consequences of those in `wrong`."""
    try:
        check(job)
    except InvalidRequest as error:
        unsettled = any(field in wrong for field in _DECIDING)
        return [one for one in error.violations if not (unsettled and _is_about_target(one.field))]
    return []


_DECIDING = ("auto_quality.method", "auto_quality.metric", "quality")
"""The fields that decide what is right for others about the target."""


def _is_about_target(field: str) -> bool:
    return field.startswith("auto_quality.") or field in ("quality", "format", "candidates")


def _source(request: pb.EncodeRequest) -> bytes | RawSource:
    which = request.WhichOneof("source")
    if which == "image":
        return request.image
    if which == "raw":
        raw = request.raw
        return RawSource(raw.width, raw.height, raw.bands, raw.pixels)
    raise InvalidRequest("source", "set image (a whole file) or raw (bare pixels)")


def _target_spec(request: pb.EncodeRequest, wrong: Violations) -> tuple[TargetSpec, int | None]:
    asked = request.auto_quality
    quality = _optional(request, "quality")
    method = metric = None
    with wrong:
        if quality is not None:
            _check_range("quality", quality, MIN_QUALITY, MAX_QUALITY)
    with wrong:
        method = _enum("auto_quality.method", asked.method, _METHODS, pb.Method)
        if quality is not None and method not in (None, Method.NONE):
            raise InvalidRequest(
                "quality",
                f"is for METHOD_NONE; with METHOD_{method.name} set min_quality and max_quality",
            )
        method = method if quality is None else Method.NONE
    with wrong:
        metric = _enum("auto_quality.metric", asked.metric, _METRICS, pb.Metric)
    spec = TargetSpec(
        method=method,
        target=_optional(asked, "target"),
        min_quality=_optional(asked, "min_quality"),
        max_quality=_optional(asked, "max_quality"),
        allowed_error=_optional(asked, "allowed_error"),
        metric=metric,
        limits=Limits(
            _optional(asked, "max_bytes"),
            {
                name: score
                for name, field in _SCORE_LIMITS.items()
                if (score := _optional(asked, field)) is not None
            },
        ),
    )
    with wrong:
        check_spec(spec)
    return spec, quality


def _options(
    request: pb.EncodeRequest, server: EncoderOptions, wrong: Violations
) -> EncoderOptions:
    profile, background = None, server.background
    with wrong:
        profile = _enum("color_profile", request.color_profile, _COLOR_PROFILES, pb.ColorProfile)
    with wrong:
        background = _background(request.background, server.background)

    def or_server(field: str) -> Any:
        value = _optional(request, field)
        return getattr(server, field) if value is None else value

    formats = {
        fmt.value: _format_options(fmt.value, getattr(request, fmt.value), server, wrong)
        if request.HasField(fmt.value)
        else getattr(server, fmt.value)
        for fmt in Format
    }
    return EncoderOptions(
        **formats,
        background=background,
        keep_metadata=request.keep_metadata,
        keep_copyright=or_server("keep_copyright"),
        color_profile=profile or server.color_profile,
        keep_hidden_colors=or_server("keep_hidden_colors"),
        allow_truncated=or_server("allow_truncated"),
        keep_smaller_source=or_server("keep_smaller_source"),
        cap_at_source=or_server("cap_at_source"),
        may_shrink=request.may_shrink,
        min_width=or_server("min_width"),
    )


def _format_options(name: str, message: Message, server: EncoderOptions, wrong: Violations) -> Any:
    """The options of a format: the request's where it sets them, otherwise the server's."""
    ours = getattr(server, name)
    asked = {}
    for option in options_of(type(ours)):
        with wrong:
            value = _format_option(f"{name}.{option.name}", message, option)
            if value is not None:
                asked[option.name] = value
    try:
        return updated(ours, asked)
    except ValueError as error:
        wrong.add(InvalidRequest(f"{name}.chroma", str(error)))
        return ours


def _format_option(path: str, message: Message, option: Option) -> Any | None:
    """One option of a request; None if it is not set. Raises InvalidRequest."""
    if isinstance(option.default, enum.Enum):
        kind: Any = message.DESCRIPTOR.fields_by_name[option.name].enum_type
        prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
        choices = option.choices or tuple(type(option.default))
        known = {kind.values_by_name[prefix + one.name].number: one for one in choices}
        return _enum(path, getattr(message, option.name), known, getattr(pb, kind.name))
    value = _optional(message, option.name)
    if value is not None and not isinstance(option.default, bool):
        _check_range(path, value, option.low, option.high)
    return value


def _candidates(request: pb.EncodeRequest) -> tuple[Format, ...]:
    """The formats that the request lets the server choose from, each once."""
    found = [_enum("candidates", one, _FORMATS, pb.Format) for one in request.candidates]
    if None in found:
        raise InvalidRequest("candidates", f"must be {_names(_FORMATS, pb.Format)}, not 0")
    return tuple(dict.fromkeys(one for one in found if one is not None))


def _measured(request: pb.EncodeRequest) -> tuple[Metric, ...]:
    """The metrics whose scores the request wants to be reported, each once."""
    names = {_enum("measure", number, _METRICS, pb.Metric) for number in request.measure}
    if None in names:
        raise InvalidRequest("measure", f"must be {_names(_METRICS, pb.Metric)}, not 0")
    if request.measure_dssim:
        names.add(DSSIM.name)
    return tuple(metric for name, metric in METRICS.items() if name in names)


def _background(text: str, default: tuple[int, int, int]) -> tuple[int, int, int]:
    if not text:
        return default
    if not re.fullmatch(r"#?[0-9a-fA-F]{6}", text):
        raise InvalidRequest("background", 'must be a colour like "#ffffff"')
    value = int(text.lstrip("#"), 16)
    return value >> 16, value >> 8 & 0xFF, value & 0xFF


def _enum(name: str, value: V, known: Mapping[V, T], kind: Any) -> T | None:
    """The core's value for a number of an enum; None for UNSPECIFIED."""
    if value == 0:
        return None
    if value not in known:
        names = _names(known, kind)
        if value in kind.values():
            raise InvalidRequest(name, f"must be one of {names}; is {kind.Name(value)}")
        raise InvalidRequest(name, f"{value} is not known to this server; known are {names}")
    return known[value]


def _names(numbers: Iterable[int], kind: Any) -> str:
    return ", ".join(kind.Name(number) for number in numbers)


def _optional(message: Message, field: str) -> Any:
    return getattr(message, field) if message.HasField(field) else None


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidRequest(name, f"must be from {low} to {high}, is {value}")


def encode_response(
    result: EncodeResult, total_seconds: float, *, with_image: bool = True
) -> pb.EncodeResponse:
    """The response to a request that took `total_seconds` in the server."""
    return pb.EncodeResponse(
        image=result.image if with_image else b"",
        format=FORMAT_NUMBERS[result.format],
        quality=result.quality,
        size_bytes=len(result.image),
        **result.scores,
        iterations=len(result.probes),
        outcome=_OUTCOMES[result.outcome],
        applied=target_message(result.applied),
        predicted_quality=result.predicted_quality,
        probes=[_probe(one) for one in result.probes],
        timings=_timings(result.timings, total_seconds),
        notices=[pb.Notice(code=_NOTICES[one.code], message=one.message) for one in result.notices],
        width=result.width,
        height=result.height,
        frames=result.frames,
        alpha_quality=result.alpha_quality,
        candidates=[_candidate(one) for one in result.candidates],
        lossless=result.lossless,
        near_lossless=result.near_lossless,
    )


def progress_response(progress: Progress) -> pb.EncodeStreamResponse:
    """The message of a stream that reports a stage."""
    probe = None if progress.probe is None else _probe(progress.probe)
    stage = _STAGES[progress.stage]
    return pb.EncodeStreamResponse(progress=pb.EncodeProgress(stage=stage, probe=probe))


def target_message(target: ResolvedTarget) -> pb.AutoQuality:
    """A resolved target, with every field set that it has."""
    return pb.AutoQuality(
        method=METHOD_NUMBERS[target.method],
        target=target.target,
        min_quality=target.min_quality,
        max_quality=target.max_quality,
        allowed_error=target.allowed_error,
        metric=METRIC_NUMBERS[target.metric] if target.metric else pb.METRIC_UNSPECIFIED,
        max_bytes=target.limits.max_bytes,
        **{_SCORE_LIMITS[name]: score for name, score in target.limits.scores.items()},
    )


def _probe(one: Probe) -> pb.Probe:
    return pb.Probe(
        quality=one.quality,
        size_bytes=one.size_bytes,
        **one.scores,
        encode_time=_duration(one.encode_seconds),
        measure_time=_duration(one.measure_seconds),
        alpha_quality=one.alpha_quality,
        format=FORMAT_NUMBERS[one.format] if one.format else pb.FORMAT_UNSPECIFIED,
        chroma=_CHROMAS[one.chroma] if one.chroma else pb.CHROMA_UNSPECIFIED,
        lossless=one.lossless,
        near_lossless=one.near_lossless,
    )


def _candidate(one: Considered) -> pb.Candidate:
    return pb.Candidate(
        format=FORMAT_NUMBERS[one.format],
        verdict=_VERDICTS[one.verdict],
        message=one.message,
        chroma=_CHROMAS[one.chroma] if one.chroma else pb.CHROMA_UNSPECIFIED,
        lossless=one.lossless,
        near_lossless=one.near_lossless,
        quality=one.quality or 0,
        size_bytes=one.size_bytes,
        ssimulacra2=one.score,
        predicted=one.predicted,
    )


def _timings(timings: Timings, total_seconds: float) -> pb.Timings:
    parts = {one.name: _duration(getattr(timings, one.name)) for one in fields(timings)}
    return pb.Timings(total=_duration(total_seconds), **parts)


def _duration(seconds: float) -> Duration:
    microseconds = round(seconds * 1e6)
    return Duration(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1000)
