"""The form of the page: its methods, and its fields as options of `Client.encode`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from autoquality._enums import Format, Method, Metric, parse
from autoquality._notation import auto_quality, read_quality
from autoquality._options import EncodeOptions, JpegOptions
from autoquality_core.types import WORDS

_T = TypeVar("_T")

# The settings of METHOD_ML. The other qualities on its curve need them too.
_MOZJPEG = JpegOptions(
    progressive=True,
    trellis_quant=True,
    overshoot_deringing=True,
    optimize_scans=True,
    quant_table=3,
)

_BEST = "best"
"""The format of the form that stands for the best one of its candidates."""


@dataclass(frozen=True, slots=True)
class _Choice:
    method: str
    """A method, or a method and its metric."""
    label: str
    target_label: str
    hint: str
    target: str
    """The default."""
    presets: tuple[str, ...]
    compares: bool = False
    """Whether its results in several formats can be compared."""


_SSIMULACRA2 = (
    "Target",
    "A word, or a score from 0 to 100. At 90 and more, it looks like the original.",
    "high",
    tuple(WORDS),
)
_DSSIM = (
    "Target DSSIM",
    "From 0 (identical) to 1. At 0.02, most photographs still look like their original.",
    "0.02",
    ("0.005", "0.01", "0.02", "0.04"),
)

_CHOICES = (
    _Choice("ssimulacra2", "How it looks (SSIMULACRA2)", *_SSIMULACRA2, compares=True),
    _Choice("ml:ssimulacra2", "SSIMULACRA2, by a network", *_SSIMULACRA2, compares=True),
    _Choice("dssim", "DSSIM", *_DSSIM),
    _Choice("ml:dssim", "DSSIM, by a network", *_DSSIM),
    _Choice(
        "size",
        "File size",
        "Most bytes",
        "The highest quality whose file has at most that many bytes.",
        "50000",
        ("20000", "50000", "100000"),
        compares=True,
    ),
    _Choice(
        "none",
        "Fixed quality",
        "Quality",
        "From 1 to 100. No search. Empty: the format's default.",
        "75",
        ("50", "75", "90"),
    ),
)

METHODS: list[dict[str, Any]] = [asdict(choice) for choice in _CHOICES]
"""The methods of the form, with typical targets. The first is the default."""


class FieldError(ValueError):
    """A field of the form is invalid. The text says what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def encode_options(form: Mapping[str, str]) -> EncodeOptions:
    """Convert the fields of the form. An empty field means the server's default.

    `method` may have a metric ("ml:ssimulacra2"). With the method "none", `target` is the quality.
    Raises FieldError.
    """
    name, _, metric_name = form.get("method", "").partition(":")
    method = _read("method", name, lambda text: parse(Method, text, "method"))
    metric = _read("method", metric_name, lambda text: parse(Metric, text, "metric"))
    options: EncodeOptions = {
        **_formats(form),
        "method": method,
        "metric": metric,
        "jpeg": _MOZJPEG if form.get("mozjpeg") else None,
        "measure": (Metric.DSSIM, Metric.SSIMULACRA2),
    }
    if method is Method.NONE:
        options["quality"] = _field(form, "target", _quality)
    else:
        options["target"] = _field(
            form, "target", lambda text: auto_quality(method, text, metric=metric).target
        )
        options["min_quality"] = _field(form, "min_quality", _quality)
        options["max_quality"] = _field(form, "max_quality", _quality)
    return options


def _formats(form: Mapping[str, str]) -> EncodeOptions:
    """Read the format, or with "best" as the format the candidates, separated by commas."""
    if form.get("format") != _BEST:
        return {"format": _field(form, "format", lambda text: parse(Format, text, "format"))}
    names = form.get("candidates", "").split(",")
    try:
        return {"candidates": [parse(Format, name, "format") for name in names]}
    except ValueError as error:
        raise FieldError("format", str(error)) from error


def _field(form: Mapping[str, str], field: str, convert: Callable[[str], _T]) -> _T | None:
    return _read(field, form.get(field, ""), convert)


def _read(field: str, text: str, convert: Callable[[str], _T]) -> _T | None:
    try:
        return convert(text.strip()) if text.strip() else None
    except ValueError as error:
        raise FieldError(field, str(error)) from error


def _quality(text: str) -> int | None:
    return read_quality("quality", text)
