"""The form of the page as options of `Client.encode`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from autoquality._enums import Format, Method, parse
from autoquality._notation import parse_notation
from autoquality._options import EncodeOptions, JpegOptions

_T = TypeVar("_T")

# The settings of METHOD_ML. The other qualities on its curve need them too.
_MOZJPEG = JpegOptions(
    progressive=True,
    trellis_quant=True,
    overshoot_deringing=True,
    optimize_scans=True,
    quant_table=3,
)


class FieldError(ValueError):
    """A field of the form is invalid. The text says what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def encode_options(form: Mapping[str, str]) -> EncodeOptions:
    """Convert the fields of the form. An empty field means the server's default.

    With the method "none", `target` is the quality. Raises FieldError.
    """
    method = _read(form, "method", lambda text: parse(Method, text, "method"))
    options: EncodeOptions = {
        "format": _read(form, "format", lambda text: parse(Format, text, "format")),
        "method": method,
        "jpeg": _MOZJPEG if form.get("mozjpeg") else None,
    }
    if method is Method.NONE:
        options["quality"] = _read(form, "target", _quality)
    else:
        options["target"] = _read(form, "target", lambda text: _target(method, text))
        options["min_quality"] = _read(form, "min_quality", _quality)
        options["max_quality"] = _read(form, "max_quality", _quality)
    if method in (Method.NONE, Method.SIZE):
        options["measure_dssim"] = True  # the other methods measure it anyway
    return options


def _read(form: Mapping[str, str], field: str, convert: Callable[[str], _T]) -> _T | None:
    text = form.get(field, "").strip()
    try:
        return convert(text) if text else None
    except ValueError as error:
        raise FieldError(field, str(error)) from error


def _target(method: Method | None, text: str) -> float | None:
    if ":" in text:
        raise ValueError(f"target must be one value, not {text!r}")
    return parse_notation(f"{method or ''}:{text}").target


def _quality(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 100:
        return int(text)
    raise ValueError(f"quality must be a whole number from 1 to 100, not {text!r}")
