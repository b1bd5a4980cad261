"""The libraries that encoded and decoded, by the calls that were made."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest import mock

import pyvips
from imagecodecs import _avif, _jpeg8, _jpegxl, _webp

from autoquality_core.types import Format
from bench.record.store import Record

ENCODE = "encode"
DECODE_RESULT = "decode the result"

IMAGECODECS, LIBVIPS = "imagecodecs", "libvips"
SIDES = (ENCODE, DECODE_RESULT)

_INSIDE = {
    (Format.JPEG, ENCODE, IMAGECODECS): "libjpeg-turbo",
    (Format.JPEG, ENCODE, LIBVIPS): "mozjpeg",
    (Format.JPEG, DECODE_RESULT, IMAGECODECS): "libjpeg-turbo",
    (Format.JPEG, DECODE_RESULT, LIBVIPS): "mozjpeg",
    (Format.WEBP, ENCODE, IMAGECODECS): "libwebp",
    (Format.WEBP, ENCODE, LIBVIPS): "libwebp",
    (Format.WEBP, DECODE_RESULT, IMAGECODECS): "libwebp",
    (Format.WEBP, DECODE_RESULT, LIBVIPS): "libwebp",
    (Format.AVIF, ENCODE, IMAGECODECS): "libaom",
    (Format.AVIF, ENCODE, LIBVIPS): "libaom",
    (Format.AVIF, DECODE_RESULT, IMAGECODECS): "libavif",
    (Format.AVIF, DECODE_RESULT, LIBVIPS): "libheif",
    (Format.JXL, ENCODE, IMAGECODECS): "libjxl",
    (Format.JXL, DECODE_RESULT, IMAGECODECS): "libjxl",
}
"""The codec inside the library that is called."""

_CALLS = (
    *((_avif, name) for name in ("avif_decode", "avif_encode")),
    *((_jpeg8, name) for name in ("jpeg8_decode", "jpeg8_encode")),
    *((_jpegxl, name) for name in ("jpegxl_decode", "jpegxl_encode")),
    *((_webp, name) for name in ("webp_decode", "webp_encode")),
)


@contextmanager
def observed(note: Callable[[str], None]) -> Iterator[None]:
    """Call `note` with IMAGECODECS or LIBVIPS for each file that either writes or reads."""

    def noting(function: Callable[..., Any], through: str) -> Callable[..., Any]:
        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if through is IMAGECODECS or str(args[0]).endswith(("save_buffer", "load_buffer")):
                note(through)
            return function(*args, **kwargs)

        return wrapped

    operation = pyvips.Operation
    with (
        ExitStack() as stack,
        mock.patch.object(operation, "call", staticmethod(noting(operation.call, LIBVIPS))),
    ):
        for module, name in _CALLS:
            watched = noting(getattr(module, name), IMAGECODECS)
            stack.enter_context(mock.patch.object(module, name, watched))
        yield


def named(fmt: Format, stage: str, through: set[str]) -> str:
    """The libraries of a stage, such as "libwebp by imagecodecs"."""
    return " and ".join(
        f"{_INSIDE.get((fmt, stage, one), 'a library')} by {one}" for one in sorted(through)
    )


def noted(method: str, setting: str, found: Mapping[str, str]) -> str:
    """The libraries of one request by stage, as one line for a record."""
    return json.dumps({"method": method, "setting": setting, **found})


def libraries(record: Record, method: str, setting: str) -> dict[str, str]:
    """The libraries of a request in a record, by stage."""
    for note in record.notes:
        found: dict[str, str] = json.loads(note)
        if (found["method"], found["setting"]) == (method, setting):
            return {stage: found[stage] for stage in SIDES if stage in found}
    return {}
