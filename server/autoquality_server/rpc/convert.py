"""Between the messages of the contract and the types of the core.

Every field of a request is checked; an error names all fields that are wrong.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidRequest, Violations
from autoquality_core.formats import EncoderOptions, Option, options_of, updated
from autoquality_core.metrics import DSSIM, METRICS, Metric, limit_name
from autoquality_core.pipeline.defaults import check_spec
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    ColorProfile,
    Data,
    Format,
    Limits,
    Method,
    Probe,
    Progress,
    RawSource,
    ResolvedTarget,
    TargetSpec,
    Timings,
)

T = TypeVar("T")
M = TypeVar("M", bound=Message)

_SCORE_LIMITS = {
    name: limit_name(metric)
    for name, metric in METRICS.items()
    if limit_name(metric) in pb.AutoQuality.DESCRIPTOR.fields_by_name
}
"""The fields of the contract that limit scores, by the name of the metric."""


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
        fmt = _enum("format", request, Format)
    spec, quality = _target_spec(request, wrong)
    options = _options(request, server, wrong)
    with wrong:
        measure = _measured(request)
    with wrong:
        candidates = tuple(_each("candidates", request, Format))
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
        method = _enum("auto_quality.method", asked, Method)
        if quality is not None and method not in (None, Method.NONE):
            raise InvalidRequest(
                "quality",
                f"is for METHOD_NONE; with METHOD_{method.name} set min_quality and max_quality",
            )
        method = method if quality is None else Method.NONE
    with wrong:
        metric = _enum("auto_quality.metric", asked, METRICS)
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
        profile = _enum("color_profile", request, ColorProfile)
    with wrong:
        background = _background(request.background, server.background)
    asked: Message = request
    found: dict[str, Any] = {}
    for name in (one.name for one in fields(EncoderOptions)):
        field = asked.DESCRIPTOR.fields_by_name[name]
        is_set = not field.has_presence or asked.HasField(name)
        found[name] = getattr(asked if is_set else server, name)
        if is_set and field.message_type is not None:
            found[name] = _format_options(name, found[name], server, wrong)
    found |= {"background": background, "color_profile": profile or server.color_profile}
    return EncoderOptions(**found)


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
        return _enum(path, message, option.choices or type(option.default))
    value = _optional(message, option.name)
    if value is not None and not isinstance(option.default, bool):
        _check_range(path, value, option.low, option.high)
    return value


def _measured(request: pb.EncodeRequest) -> tuple[Metric, ...]:
    """The metrics whose scores the request wants to be reported, each once."""
    names = {*_each("measure", request, METRICS), *([DSSIM.name] if request.measure_dssim else [])}
    return tuple(metric for name, metric in METRICS.items() if name in names)


def _background(text: str, default: tuple[int, int, int]) -> tuple[int, int, int]:
    if not text:
        return default
    if not re.fullmatch(r"#?[0-9a-fA-F]{6}", text):
        raise InvalidRequest("background", 'must be a colour like "#ffffff"')
    value = int(text.lstrip("#"), 16)
    return value >> 16, value >> 8 & 0xFF, value & 0xFF


def _enum(path: str, message: Message, members: Iterable[T]) -> T | None:
    """Which of `members` the field of a message at the end of `path` is; None for UNSPECIFIED."""
    field = message.DESCRIPTOR.fields_by_name[path.rpartition(".")[2]]
    return _member(path, getattr(message, field.name), field.enum_type, members)


def _each(field: str, request: pb.EncodeRequest, members: Iterable[T]) -> dict[T, None]:
    """Which of `members` the values of a repeated field are, each once."""
    kind = request.DESCRIPTOR.fields_by_name[field].enum_type
    found = [_member(field, value, kind, members) for value in getattr(request, field)]
    if None in found:
        raise InvalidRequest(field, f"must be {', '.join(_names(kind, tuple(members)))}, not 0")
    return dict.fromkeys(one for one in found if one is not None)


def _member(path: str, value: int, kind: Any, members: Iterable[T]) -> T | None:
    if value == 0:
        return None
    known: Mapping[str, T] = _names(kind, tuple(members))
    name = kind.values_by_number[value].name if value in kind.values_by_number else ""
    if name in known:
        return known[name]
    names = ", ".join(known)
    if name:
        raise InvalidRequest(path, f"must be one of {names}; is {name}")
    raise InvalidRequest(path, f"{value} is not known to this server; known are {names}")


@cache
def _names(kind: Any, members: tuple[T, ...]) -> Mapping[str, T]:
    """Members of an enum, or names of metrics, by their names in an enum of the contract."""
    prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
    own = ((one.name if isinstance(one, enum.Enum) else str(one), one) for one in members)
    return {prefix + name.upper(): one for name, one in own}


def _optional(message: Message, field: str) -> Any:
    return getattr(message, field) if message.HasField(field) else None


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidRequest(name, f"must be from {low} to {high}, is {value}")


def encode_response(
    result: EncodeResult, total_seconds: float, *, with_image: bool = True
) -> pb.EncodeResponse:
    """The response to a request that took `total_seconds` in the server."""
    return message_of(
        pb.EncodeResponse,
        result,
        image=result.image if with_image else b"",
        size_bytes=len(result.image),
        **result.scores,
        iterations=len(result.probes),
        applied=target_message(result.applied),
        probes=[_probe(one) for one in result.probes],
        timings=_timings(result.timings, total_seconds),
        notices=[message_of(pb.Notice, one) for one in result.notices],
        candidates=[
            message_of(pb.Candidate, one, ssimulacra2=one.score) for one in result.candidates
        ],
    )


def progress_response(progress: Progress) -> pb.EncodeStreamResponse:
    """The message of a stream that reports a stage."""
    probe = None if progress.probe is None else _probe(progress.probe)
    return pb.EncodeStreamResponse(progress=message_of(pb.EncodeProgress, progress, probe=probe))


def target_message(target: ResolvedTarget) -> pb.AutoQuality:
    """A resolved target, with every field set that it has."""
    scores = {_SCORE_LIMITS[name]: score for name, score in target.limits.scores.items()}
    return message_of(pb.AutoQuality, target, max_bytes=target.limits.max_bytes, **scores)


def _probe(one: Probe) -> pb.Probe:
    return message_of(
        pb.Probe,
        one,
        **one.scores,
        encode_time=_duration(one.encode_seconds),
        measure_time=_duration(one.measure_seconds),
    )


def message_of(kind: type[M], one: object, **others: Any) -> M:
    """A message with `others`, and for other fields the attributes of `one` with their names.

    None leaves a field open.
    """
    given = {}
    for name, enum_type in _fields(kind.DESCRIPTOR):
        value = others[name] if name in others else getattr(one, name, None)
        is_member = enum_type is not None and isinstance(value, enum.Enum | str)
        given[name] = number_of(enum_type, value) if is_member else value
    return kind(**given)


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    """The names of the fields of a message by its descriptor, and the enums of their values."""
    return tuple((field.name, field.enum_type) for field in kind.fields)


@cache
def number_of(kind: Any, one: Any) -> Any:
    """The number of a member of an enum, or of a metric by its name, in an enum of the contract."""
    (name,) = _names(kind, (one,))
    return kind.values_by_name[name].number


def _timings(timings: Timings, total_seconds: float) -> pb.Timings:
    parts = {one.name: _duration(getattr(timings, one.name)) for one in fields(timings)}
    return pb.Timings(total=_duration(total_seconds), **parts)


def _duration(seconds: float) -> Duration:
    microseconds = round(seconds * 1e6)
    return Duration(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1000)
