"""From a protobuf request to a job: every field checked, every error naming its field."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.encode.defaults import check_spec
from autoquality_core.encode.job import EncodeJob
from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import EncoderOptions, Option, options_of
from autoquality_core.metrics import DSSIM
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    ColorProfile,
    Data,
    Format,
    Method,
    RawSource,
    TargetSpec,
)

T = TypeVar("T")
V = TypeVar("V", bound=int)

FORMATS: Mapping[pb.Format.ValueType, Format] = {
    pb.Format.Value(f"FORMAT_{one.name}"): one for one in Format
}
METHODS: Mapping[pb.Method.ValueType, Method] = {
    pb.Method.Value(f"METHOD_{one.name}"): one for one in Method
}
COLOR_PROFILES: Mapping[pb.ColorProfile.ValueType, ColorProfile] = {
    pb.ColorProfile.Value(f"COLOR_PROFILE_{one.name}"): one for one in ColorProfile
}


def job_of(
    request: pb.EncodeRequest, server: EncoderOptions, source: Data | RawSource | None = None
) -> EncodeJob:
    """The job that `request` describes; options it leaves open are `server`'s.

    `source` is what to encode where that is not in the request. Raises
    InvalidRequest for the first field that is wrong.
    """
    spec, quality = _target_spec(request)
    return EncodeJob(
        source=_source(request) if source is None else source,
        format=_enum("format", request.format, FORMATS, pb.Format),
        spec=spec,
        quality=quality,
        options=_options(request, server),
        measure=(DSSIM,) if request.measure_dssim else (),
    )


def _source(request: pb.EncodeRequest) -> bytes | RawSource:
    which = request.WhichOneof("source")
    if which == "image":
        return request.image
    if which == "raw":
        raw = request.raw
        return RawSource(raw.width, raw.height, raw.bands, raw.pixels)
    raise InvalidRequest("source", "set image (a whole file) or raw (bare pixels)")


def _target_spec(request: pb.EncodeRequest) -> tuple[TargetSpec, int | None]:
    asked = request.auto_quality
    method = _enum("auto_quality.method", asked.method, METHODS, pb.Method)
    quality = _optional(request, "quality")
    if quality is not None:
        _check_range("quality", quality, MIN_QUALITY, MAX_QUALITY)
        if method not in (None, Method.NONE):
            raise InvalidRequest(
                "quality",
                f"is for METHOD_NONE; with METHOD_{method.name} set min_quality and max_quality",
            )
        method = Method.NONE
    spec = TargetSpec(
        method=method,
        target=_optional(asked, "target"),
        min_quality=_optional(asked, "min_quality"),
        max_quality=_optional(asked, "max_quality"),
        allowed_error=_optional(asked, "allowed_error"),
    )
    check_spec(spec)
    return spec, quality


def _options(request: pb.EncodeRequest, server: EncoderOptions) -> EncoderOptions:
    profile = _enum("color_profile", request.color_profile, COLOR_PROFILES, pb.ColorProfile)

    def or_server(field: str) -> Any:
        value = _optional(request, field)
        return getattr(server, field) if value is None else value

    formats = {
        fmt.value: _format_options(fmt.value, getattr(request, fmt.value), server) for fmt in Format
    }
    return EncoderOptions(
        **formats,
        background=_background(request.background, server.background),
        keep_metadata=request.keep_metadata,
        keep_copyright=or_server("keep_copyright"),
        color_profile=profile or server.color_profile,
        keep_hidden_colors=or_server("keep_hidden_colors"),
        allow_truncated=or_server("allow_truncated"),
    )


def _format_options(name: str, message: Message, server: EncoderOptions) -> Any:
    """The options of a format: the request's where it sets them, otherwise the server's."""
    ours = getattr(server, name)
    chosen = {}
    for option in options_of(type(ours)):
        value = _format_option(f"{name}.{option.name}", message, option)
        chosen[option.name] = getattr(ours, option.name) if value is None else value
    return type(ours)(**chosen)


def _format_option(path: str, message: Message, option: Option) -> Any | None:
    """One option of a request; None if it is not set. Raises InvalidRequest."""
    if isinstance(option.default, enum.Enum):
        kind: Any = message.DESCRIPTOR.fields_by_name[option.name].enum_type
        known = {value.number: value.name for value in kind.values if value.number}
        prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
        name = _enum(path, getattr(message, option.name), known, getattr(pb, kind.name))
        return None if name is None else type(option.default)[name.removeprefix(prefix)]
    value = _optional(message, option.name)
    if value is not None and not isinstance(option.default, bool):
        _check_range(path, value, option.low, option.high)
    return value


def _background(text: str, default: tuple[int, int, int]) -> tuple[int, int, int]:
    if not text:
        return default
    if not re.fullmatch(r"#?[0-9a-fA-F]{6}", text):
        raise InvalidRequest("background", 'must be a colour like "#ffffff"')
    value = int(text.lstrip("#"), 16)
    return value >> 16, value >> 8 & 0xFF, value & 0xFF


def _enum(name: str, value: V, known: Mapping[V, T], kind: Any) -> T | None:
    """The domain's word for an enum value; None for UNSPECIFIED."""
    if value == 0:
        return None
    if value not in known:
        names = ", ".join(kind.Name(number) for number in known)
        raise InvalidRequest(name, f"{value} is not known to this server; known are {names}")
    return known[value]


def _optional(message: Message, field: str) -> Any:
    return getattr(message, field) if message.HasField(field) else None


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidRequest(name, f"must be from {low} to {high}, is {value}")
