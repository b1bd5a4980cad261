"""From a protobuf request to a job: every field checked, every error naming its field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from google.protobuf.message import Message

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.encode.defaults import check_spec
from autoquality_core.errors import InvalidRequest
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    AvifOptions,
    ColorProfile,
    Data,
    EncodeJob,
    EncoderOptions,
    Format,
    JpegOptions,
    Method,
    PngOptions,
    RawSource,
    TargetSpec,
    WebpOptions,
    WebpPreset,
)

T = TypeVar("T")
V = TypeVar("V", bound=int)

FORMATS: Mapping[pb.Format.ValueType, Format] = {
    pb.FORMAT_JPEG: Format.JPEG,
    pb.FORMAT_WEBP: Format.WEBP,
    pb.FORMAT_AVIF: Format.AVIF,
    pb.FORMAT_PNG: Format.PNG,
}
METHODS: Mapping[pb.Method.ValueType, Method] = {
    pb.METHOD_NONE: Method.NONE,
    pb.METHOD_SIZE: Method.SIZE,
    pb.METHOD_DSSIM: Method.DSSIM,
    pb.METHOD_ML: Method.ML,
}
WEBP_PRESETS: Mapping[pb.WebpPreset.ValueType, WebpPreset] = {
    pb.WEBP_PRESET_DEFAULT: WebpPreset.DEFAULT,
    pb.WEBP_PRESET_PICTURE: WebpPreset.PICTURE,
    pb.WEBP_PRESET_PHOTO: WebpPreset.PHOTO,
    pb.WEBP_PRESET_DRAWING: WebpPreset.DRAWING,
    pb.WEBP_PRESET_ICON: WebpPreset.ICON,
    pb.WEBP_PRESET_TEXT: WebpPreset.TEXT,
}
COLOR_PROFILES: Mapping[pb.ColorProfile.ValueType, ColorProfile] = {
    pb.COLOR_PROFILE_SRGB: ColorProfile.SRGB,
    pb.COLOR_PROFILE_KEEP: ColorProfile.KEEP,
}

_RANGES = {
    "jpeg.quant_table": (0, 8),
    "webp.effort": (0, 6),
    "webp.alpha_quality": (0, 100),
    "avif.speed": (0, 9),
    "png.compression": (0, 9),
    "png.quantization_colors": (2, 256),
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
        measure_dssim=request.measure_dssim,
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
    for name, (low, high) in _RANGES.items():
        group, field = name.split(".")
        value = _optional(getattr(request, group), field)
        if value is not None:
            _check_range(name, value, low, high)
    preset = _enum("webp.preset", request.webp.preset, WEBP_PRESETS, pb.WebpPreset)
    profile = _enum("color_profile", request.color_profile, COLOR_PROFILES, pb.ColorProfile)

    def or_server(field: str) -> Any:
        value = _optional(request, field)
        return getattr(server, field) if value is None else value

    webp = _merged(server.webp, request.webp, skip="preset")
    return EncoderOptions(
        jpeg=JpegOptions(**_merged(server.jpeg, request.jpeg)),
        webp=WebpOptions(**webp, preset=preset or server.webp.preset),
        avif=AvifOptions(**_merged(server.avif, request.avif)),
        png=PngOptions(**_merged(server.png, request.png)),
        background=_background(request.background, server.background),
        keep_metadata=request.keep_metadata,
        keep_copyright=or_server("keep_copyright"),
        color_profile=profile or server.color_profile,
        keep_hidden_colors=or_server("keep_hidden_colors"),
        allow_truncated=or_server("allow_truncated"),
    )


def _merged(ours: object, theirs: Message, skip: str = "") -> dict[str, Any]:
    """Each option of a format: the request's where it is set, otherwise the server's."""
    merged = {}
    for field in theirs.DESCRIPTOR.fields:
        if field.name != skip:
            value = _optional(theirs, field.name)
            merged[field.name] = getattr(ours, field.name) if value is None else value
    return merged


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
