"""From the arguments of `Client.encode` to the request."""

from __future__ import annotations

from typing import TypeAlias, TypedDict

from autoquality import _convert, _enums
from autoquality._enums import ColorProfile, Format, Method
from autoquality._notation import parse_notation
from autoquality._options import (
    AutoQuality,
    AvifOptions,
    JpegOptions,
    PngOptions,
    RawImage,
    WebpOptions,
)
from autoquality.v1 import encoding_pb2 as pb

ImageSource: TypeAlias = _convert.ImageFile | RawImage
"""A whole image file (its bytes, or the path to it), or bare pixels."""


def wish_of(
    auto_quality: AutoQuality | str | None,
    method: Method | str | None,
    target: float | None,
    min_quality: int | None,
    max_quality: int | None,
    allowed_error: float | None,
    quality: int | None,
) -> AutoQuality | None:
    """The wish, stated whole or in parts; None if there is none.

    A `quality` alone is a wish as well: for that quality, whatever method the
    server would have used.

    Raises ValueError for a wish stated both ways, or one that cannot be read.
    """
    parts = AutoQuality(
        method=None if method is None else _enums.parse(Method, method, "method"),
        target=target,
        min_quality=min_quality,
        max_quality=max_quality,
        allowed_error=allowed_error,
    )
    if auto_quality is None:
        if parts != AutoQuality():
            return parts
        return None if quality is None else AutoQuality(method=Method.NONE)
    if parts != AutoQuality():
        raise ValueError(
            "give either auto_quality or its parts "
            "(method, target, min_quality, max_quality, allowed_error), not both"
        )
    return parse_notation(auto_quality) if isinstance(auto_quality, str) else auto_quality


class EncodeOptions(TypedDict, total=False):
    """The wish and the options of an encoding; `Client.encode` tells what they mean."""

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
    """The request, still without its source. Raises ValueError for unknown names."""
    quality = options.get("quality")
    wish = wish_of(
        options.get("auto_quality"),
        options.get("method"),
        options.get("target"),
        options.get("min_quality"),
        options.get("max_quality"),
        options.get("allowed_error"),
        quality,
    )
    jpeg, webp = options.get("jpeg"), options.get("webp")
    avif, png = options.get("avif"), options.get("png")
    return pb.EncodeRequest(
        format=_enums.format_to_proto(options.get("format")),
        auto_quality=None if wish is None else _convert.wish_to_proto(wish),
        quality=quality,
        jpeg=None if jpeg is None else _convert.jpeg_to_proto(jpeg),
        webp=None if webp is None else _convert.webp_to_proto(webp),
        avif=None if avif is None else _convert.avif_to_proto(avif),
        png=None if png is None else _convert.png_to_proto(png),
        background=options.get("background", ""),
        keep_metadata=options.get("keep_metadata", False),
        keep_copyright=options.get("keep_copyright"),
        color_profile=_enums.profile_to_proto(options.get("color_profile")),
        keep_hidden_colors=options.get("keep_hidden_colors"),
        measure_dssim=options.get("measure_dssim", False),
        allow_truncated=options.get("allow_truncated"),
    )
