"""The options of `Client.encode` as a request."""

from __future__ import annotations

from typing import Any, TypedDict

from autoquality._enums import ColorProfile, Format, Method
from autoquality._messages import to_message
from autoquality._notation import parse_notation
from autoquality._options import (
    SPEC_FIELDS,
    AutoQuality,
    AvifOptions,
    JpegOptions,
    PngOptions,
    WebpOptions,
)
from autoquality.v1 import encoding_pb2 as pb


class EncodeOptions(TypedDict, total=False):
    """The options of an encoding. `Client.encode` documents them."""

    format: Format | str | None
    auto_quality: AutoQuality | str | None
    method: Method | str | None
    target: float | None
    min_quality: int | None
    max_quality: int | None
    allowed_error: float | None
    quality: int | None
    jpeg: JpegOptions | None
    webp: WebpOptions | None
    avif: AvifOptions | None
    png: PngOptions | None
    background: str
    keep_metadata: bool
    keep_copyright: bool | None
    color_profile: ColorProfile | str | None
    keep_hidden_colors: bool | None
    measure_dssim: bool
    allow_truncated: bool | None


def encode_request(options: EncodeOptions) -> pb.EncodeRequest:
    """Build the request, without its source.

    Raises ValueError for options that contradict each other and for unknown enum values,
    TypeError for an unknown option.
    """
    if unknown := options.keys() - EncodeOptions.__annotations__.keys():
        raise TypeError(f"unknown option: {', '.join(sorted(unknown))}")
    values: dict[str, Any] = dict(options)
    spec = AutoQuality(**{name: values.pop(name, None) for name in SPEC_FIELDS})
    values["auto_quality"] = _one_spec(values.get("auto_quality"), spec, values.get("quality"))
    return to_message(pb.EncodeRequest, values)


def _one_spec(
    whole: AutoQuality | str | None, parts: AutoQuality, quality: int | None
) -> AutoQuality | None:
    """Return the spec, given whole or in parts. A quality alone means Method.NONE."""
    if whole is None:
        if parts == AutoQuality() and quality is not None:
            return AutoQuality(method=Method.NONE)
        return None if parts == AutoQuality() else parts
    if parts != AutoQuality():
        raise ValueError(
            f"give either auto_quality or its parts ({', '.join(SPEC_FIELDS)}), not both"
        )
    return parse_notation(whole) if isinstance(whole, str) else whole
