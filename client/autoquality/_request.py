"""From the arguments of `Client.encode` to the request."""

from __future__ import annotations

from typing import TypeAlias

from autoquality import _convert, _enums
from autoquality._enums import Format, Method
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


def encode_request(
    image: ImageSource,
    *,
    format: Format | str | None,
    wish: AutoQuality | None,
    quality: int | None,
    jpeg: JpegOptions | None,
    webp: WebpOptions | None,
    avif: AvifOptions | None,
    png: PngOptions | None,
    background: str,
    keep_metadata: bool,
    measure_dssim: bool,
    allow_truncated: bool | None,
) -> pb.EncodeRequest:
    """The request. Raises ValueError for unknown names, OSError for an unreadable path."""
    request = pb.EncodeRequest(
        format=_enums.format_to_proto(format),
        auto_quality=None if wish is None else _convert.wish_to_proto(wish),
        quality=quality,
        jpeg=None if jpeg is None else _convert.jpeg_to_proto(jpeg),
        webp=None if webp is None else _convert.webp_to_proto(webp),
        avif=None if avif is None else _convert.avif_to_proto(avif),
        png=None if png is None else _convert.png_to_proto(png),
        background=background,
        keep_metadata=keep_metadata,
        measure_dssim=measure_dssim,
        allow_truncated=allow_truncated,
    )
    if isinstance(image, RawImage):
        request.raw.CopyFrom(_convert.raw_to_proto(image))
    else:
        request.image = _convert.read_image(image)
    return request
