"""Checks of the library's arguments: each wrong one is an InvalidRequest that names it."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from enum import Enum
from typing import Any, SupportsFloat, TypeVar, cast

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import Encoder, EncoderOptions, Option, options_of
from autoquality_core.metrics import METRICS, Metric
from autoquality_core.networks import Predictor
from autoquality_core.types import ColorProfile, Data, Format, Method, RawSource, score_of

E = TypeVar("E", Format, Method, ColorProfile)
Output = Encoder | Format | str
Bytes = bytes | bytearray | memoryview

_INT64 = 2**63 - 1
"""The contract's largest integer. The library takes the same range."""

_MOST_SHOWN = 200
"""Characters of a wrong value in a message."""

FILE = (
    "the bytes of an image file",
    "read a file with pathlib.Path(path).read_bytes(), an array with RawSource.from_array(array)",
)
_SAMPLES = "bytes", "use RawSource.from_array(array)"


def as_bytes(argument: str, value: object, right: tuple[str, str]) -> bytes:
    """The bytes of `value`, copied only if they are not one after the other."""
    if not isinstance(value, Bytes):
        what, advice = right
        raise TypeError(f"{argument} must be {what}, not {type(value).__name__}: {advice}")
    if isinstance(value, memoryview) and not (
        value.c_contiguous and value.ndim == value.itemsize == 1
    ):
        return value.tobytes()
    return cast("bytes", value)


def source_of(source: object) -> Data | RawSource:
    """The source, in types that the pipeline takes. Raises TypeError for anything but bytes."""
    if not isinstance(source, RawSource):
        return as_bytes("source", source, FILE)
    return RawSource(
        whole_number("source.width", source.width),
        whole_number("source.height", source.height),
        whole_number("source.bands", source.bands),
        as_bytes("source.pixels", source.pixels, _SAMPLES),
    )


def check_number(argument: str, value: object, right: str = "a number") -> None:
    """Raise InvalidRequest for anything but a number that a float can hold."""
    number = math.nan
    if isinstance(value, SupportsFloat) and not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):  # raised by arrays and huge integers
            number = float(value)
    if math.isnan(number):
        raise InvalidRequest(argument, f"must be {right}, is {_shown(value)}")


def check_kind(argument: str, value: object, kind: Any, right: str) -> None:
    """Raise InvalidRequest for a value that is not of a `kind`. `right` says what would be."""
    if not isinstance(value, kind):
        raise InvalidRequest(argument, f"must be {right}, is {_shown(value)}")


def _shown(value: object) -> str:
    """The value for a message. It may be a whole image, or an integer too long to print."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def formats_of(output: Any) -> tuple[list[Format], dict[Format, Encoder]]:
    """The formats in the order of the caller, and the encoders among them."""
    single = output is None or isinstance(output, Encoder | Format | str)
    if isinstance(output, Bytes) or not (single or isinstance(output, Iterable)):
        right = "a format, an encoder such as WebpEncoder(WebpOptions()), or a list of them"
        raise InvalidRequest("output", f"must be {right}, is {_shown(output)}")
    formats: list[Format] = []
    encoders: dict[Format, Encoder] = {}
    for one in [output] if single else output:
        if isinstance(one, Encoder):
            kind = type(getattr(EncoderOptions(), one.format.value))
            check_kind(one.format.value, one.options, kind, f"a {kind.__name__}")
            if encoders.setdefault(one.format, one) != one:
                raise InvalidRequest("output", f"has two encoders for {one.format.value}")
            formats.append(one.format)
        elif one is not None:
            formats.append(member("output", one, Format))
    if not (formats or output is None):
        raise InvalidRequest("output", "is empty: name a format, or leave it out")
    return formats, encoders


def networks_of(given: Mapping[Any, Any] | None) -> dict[Format, Predictor]:
    """The networks by format, whose keys may be text."""
    networks = {member("networks", fmt, Format): one for fmt, one in (given or {}).items()}
    for one in networks.values():
        check_kind("networks", one, Predictor, "as bundled_networks() or load() returns them")
    return networks


def background_of(background: Any) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255 each."""
    several = isinstance(background, Iterable) and not isinstance(background, str | bytes)
    colors = tuple(background) if several else ()
    if len(colors) != 3:
        right = "three whole numbers from 0 to 255 (red, green, blue)"
        raise InvalidRequest("background", f"must be {right}, is {_shown(background)}")
    red, green, blue = (whole_number("background", one, 0, 255) for one in colors)
    return red, green, blue


def checked(options: EncoderOptions) -> EncoderOptions:
    """The options, unless one has a wrong type or is out of range. Raises InvalidRequest."""
    for fmt in Format:
        ours = getattr(options, fmt.value)
        for one in options_of(type(ours)):
            _check_option(f"{fmt.value}.{one.name}", getattr(ours, one.name), one)
    for flag in fields(EncoderOptions):
        if isinstance(flag.default, bool):
            _check_flag(flag.name, getattr(options, flag.name))
    return options


def _check_option(name: str, value: Any, option: Option) -> None:
    if isinstance(option.default, Enum):
        choices = option.choices or tuple(type(option.default))
        if value not in choices:
            known = ", ".join(str(one.value) for one in choices)
            raise InvalidRequest(name, f"must be one of {known}; is {_shown(value)}")
    elif isinstance(option.default, bool):
        _check_flag(name, value)
    else:
        whole_number(name, value, option.low, option.high)


def _check_flag(argument: str, value: object) -> None:
    check_kind(argument, value, bool, "True or False")


def whole_number(argument: str, value: Any, low: int = -_INT64, high: int = _INT64) -> int:
    """The integer, if it is from `low` to `high`."""
    whole = None
    if not isinstance(value, bool):
        with suppress(TypeError):
            whole = operator.index(value)
    if whole is None or not low <= whole <= high:
        right = f" from {low} to {high}"
        if high == _INT64:
            right = "" if whole is None else " between -2**63 and 2**63"
        raise InvalidRequest(argument, f"must be a whole number{right}, is {_shown(value)}")
    return whole


@contextmanager
def naming(argument: str) -> Iterator[None]:
    """Raise InvalidRequest for a ValueError in the body, which says what would be right."""
    try:
        yield
    except ValueError as error:
        raise InvalidRequest(argument, str(error)) from None


def member(argument: str, value: E | str, kind: type[E]) -> E:
    """The member of an enum, from itself or its value."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(one.value) for one in kind)
        raise InvalidRequest(argument, f"must be one of {known}, is {value}") from None


def metric_named(argument: str, name: Any) -> Metric:
    """The metric of a name."""
    if not isinstance(name, str) or name not in METRICS:
        raise InvalidRequest(argument, f"must be one of {', '.join(METRICS)}, is {name}")
    return METRICS[name]


def limit_of(name: str, score: float | str) -> float:
    """The worst score of a metric, from a number or a word."""
    metric = metric_named("worst", name)
    with naming("worst"):
        score = score_of(score, metric.name) if isinstance(score, str) else score
    check_number("worst", score, f"a {metric.noun}")
    return score
