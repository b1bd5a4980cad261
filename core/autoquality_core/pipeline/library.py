"""Encode and compare in one call: what `import autoquality_core` offers."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from enum import Enum
from functools import cache
from typing import Any, SupportsFloat, TypeVar, cast

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import Encoder, EncoderOptions, Option, options_of
from autoquality_core.images import ImageLimits
from autoquality_core.images.libvips import refuse_forks
from autoquality_core.metrics import METRICS, Metric, limit_name
from autoquality_core.networks import Predictor, load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.pipeline.comparison import Comparison
from autoquality_core.pipeline.defaults import Defaults, metric_of
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    ColorProfile,
    Data,
    Format,
    Limits,
    Method,
    RawSource,
    TargetSpec,
    bytes_of,
    score_of,
)

E = TypeVar("E", Format, Method, ColorProfile)
Output = Encoder | Format | str
Bytes = bytes | bytearray | memoryview

_USUAL = EncoderOptions()

LIMITS = ImageLimits(max_bytes=256 * 2**20, max_pixels=200_000_000)
"""The largest sources that are accepted by default."""


_INT64 = 2**63 - 1
"""The contract's largest integer. The library takes the same range."""

_MOST_SHOWN = 200
"""Characters of a wrong value in a message."""

_CONTRACT = re.compile(r"\b(METHOD|METRIC)_([A-Z0-9_]+)")
_ARGUMENTS = {
    **dict.fromkeys(["format", "candidates"], "output"),
    **dict.fromkeys(map(limit_name, METRICS.values()), "worst"),
    "image": "source",
    "raw": "source",
    **{f"raw.{name}": f"source.{name}" for name in ("width", "height", "bands", "pixels")},
}
"""The arguments for fields of the contract. The others have the same name."""


def _plain(text: str) -> str:
    """The text with the library's names of methods and metrics, not the contract's."""
    return _CONTRACT.sub(lambda match: match[0].replace("_", " ", 1).lower(), text)


@contextmanager
def _naming_arguments() -> Iterator[None]:
    """Let an InvalidRequest of the body name arguments in place of fields of the contract."""
    try:
        yield
    except InvalidRequest as error:
        field = error.field
        for one in error.violations:
            name = one.field.removeprefix("auto_quality.")
            one.field = _ARGUMENTS.get(name, name)
            one.description = _plain(one.description)
        error.message = error.field + _plain(error.message.removeprefix(field))
        error.args = (error.message,)
        raise


@_naming_arguments()
def encode(
    source: Bytes | RawSource,
    output: Output | Iterable[Output] | None = None,
    *,
    method: Method | str | None = None,
    metric: str | None = None,
    target: float | str | None = None,
    max_bytes: int | str | None = None,
    worst: Mapping[str, float | str] | None = None,
    quality: int | None = None,
    min_quality: int | None = None,
    max_quality: int | None = None,
    allowed_error: float | None = None,
    measure: Iterable[str] = (),
    networks: Mapping[Format, Predictor] | None = None,
    timeout: float | None = None,
    limits: ImageLimits = LIMITS,
    background: Sequence[int] = _USUAL.background,
    keep_metadata: bool = _USUAL.keep_metadata,
    keep_copyright: bool = _USUAL.keep_copyright,
    color_profile: ColorProfile | str = _USUAL.color_profile,
    keep_hidden_colors: bool = _USUAL.keep_hidden_colors,
    allow_truncated: bool = _USUAL.allow_truncated,
    keep_smaller_source: bool = _USUAL.keep_smaller_source,
    cap_at_source: bool = _USUAL.cap_at_source,
    may_shrink: bool = _USUAL.may_shrink,
    min_width: int = _USUAL.min_width,
) -> EncodeResult:
    """Choose the quality of an image, and encode it.

    - `source`: the bytes of an image file, or bare pixels as a RawSource.
    - `output`: an encoder with its options, or a format. None keeps the source's format. Of
      several, the smallest file that meets the target is chosen, or for "size" the one with the
      best SSIMULACRA2. "dssim" cannot compare formats.
    - `method`: "size", "dssim", "ssimulacra2", "ml" or "none". Without one, a `target` that is a
      word implies "ssimulacra2", a size such as "20kB" "size", and a number from 0 to 1 "dssim". A
      `metric` implies its own method.
    - `metric`: for "ml", "dssim" (the default) or "ssimulacra2".
    - `target`: for "size" the most bytes, such as 20_000 or "20kB". Otherwise a score: a DSSIM from
      0 to 1 (0.02 by default), a SSIMULACRA2 from 0 to 100 (70 by default), or a word for one, such
      as "high".
    - `max_bytes`, and `worst` with the worst score by metric: limits that hold together with the
      target.
    - `quality`: 1 to 100. Encodes once, without a search, and excludes method and target.
    - `min_quality`, `max_quality`: the range of a search, 1 to 100. By default 10 to 95 for
      SSIMULACRA2, and all for others.
    - `allowed_error`: a difference of scores (0.001 or 1 by default), and for "size" the share of
      the bytes that may stay unused.
    - `measure`: more metrics to report.
    - `networks`: for "ml", such as `bundled_networks()`. Without them, a search by the metric
      serves it, with a notice.
    - `timeout`: seconds, after which a search ends with its best answer so far.
    - `limits`: the largest source.
    - `background`: red, green and blue, 0 to 255 each. Replaces transparency in formats without it.
    - `keep_metadata`: keep EXIF, XMP and IPTC.
    - `keep_copyright`: keep copyright and author, even without the other metadata.
    - `color_profile`: "srgb" converts the colours, "keep" keeps those of the source.
    - `keep_hidden_colors`: keep the colours of transparent pixels.
    - `allow_truncated`: encode what is readable of a damaged JPEG or PNG.
    - `keep_smaller_source`: return the source itself where it is good enough and not larger.
    - `cap_at_source`: encode a JPEG at no higher quality than its own.
    - `may_shrink`: reduce an image that fits no budget of bytes, to `min_width` pixels at least.

    Raises InvalidRequest (InvalidImage for the source) if an argument is wrong, TypeError for a
    source that is not bytes, DeadlinePassed if the timeout ends before one encoding, MemoryError.
    """
    source = _source(source)
    _check_call(timeout, limits)
    _check_kind("networks", networks, Mapping | None, "as bundled_networks() returns them")
    _check_kind("measure", measure, Iterable, 'a list of metrics, such as ["dssim"]')
    _check_kind("worst", worst, Mapping | None, 'a score by metric, such as {"dssim": 0.01}')
    networks = _networks(networks)
    formats, encoders = _formats(output)
    options = _checked(
        EncoderOptions(
            background=_background(background),
            keep_metadata=keep_metadata,
            keep_copyright=keep_copyright,
            color_profile=_member("color_profile", color_profile, ColorProfile),
            keep_hidden_colors=keep_hidden_colors,
            allow_truncated=allow_truncated,
            keep_smaller_source=keep_smaller_source,
            cap_at_source=cap_at_source,
            may_shrink=may_shrink,
            min_width=_whole("min_width", min_width),
            **{fmt.value: one.options for fmt, one in encoders.items()},
        )
    )
    alone = formats[0] if len(formats) == 1 else None
    fixed = quality is not None
    if fixed and (target is not None or _member("method", method or "none", Method) != Method.NONE):
        raise InvalidRequest("quality", "is fixed, without a search: leave out target and method")
    if method is None:
        method = _implied(target) if metric is None else Method(_metric("metric", metric).name)
    chosen = Method.NONE if fixed else _member("method", method, Method)
    searched = metric_of(chosen, None if metric is None else _metric("metric", metric).name)
    if isinstance(target, str):
        with _naming("target"):
            name = searched.name if searched else ""
            target = bytes_of(target) if chosen is Method.SIZE else score_of(target, name)
    if isinstance(max_bytes, str):
        with _naming("max_bytes"):
            max_bytes = bytes_of(max_bytes)
    low, high = (searched and searched.default_range) or (MIN_QUALITY, MAX_QUALITY)
    low = low if min_quality is None else min_quality
    high = high if max_quality is None else max_quality
    low, high = _whole("min_quality", low), _whole("max_quality", high)
    if quality is not None:
        quality = _whole("quality", quality, MIN_QUALITY, MAX_QUALITY)
    if max_bytes is not None:
        max_bytes = _whole("max_bytes", max_bytes)
    for name, number in (("target", target), ("allowed_error", allowed_error)):
        if number is not None:
            _check_number(name, number)
    scores = {name: _limit(name, score) for name, score in (worst or {}).items()}
    given = Limits(max_bytes, scores)
    spec = TargetSpec(chosen, target, low, high, allowed_error, metric, given)
    measure = [measure] if isinstance(measure, str) else measure
    metrics = tuple(_metric("measure", name) for name in measure)
    several = () if alone else tuple(dict.fromkeys(formats))
    job = EncodeJob(source, alone, spec, quality, options, metrics, several)
    result = Pipeline(Defaults(), limits, networks).encode(job, Deadline(timeout))
    notices = tuple(replace(one, message=_plain(one.message)) for one in result.notices)
    return replace(result, notices=notices)


def compare(
    reference: Bytes,
    distorted: Bytes,
    *,
    timeout: float | None = None,
    limits: ImageLimits = LIMITS,
) -> Comparison:
    """The exact scores between two image files of the same size, by every metric.

    Raises InvalidImage for a file that cannot be used, InvalidRequest for different sizes,
    TypeError for anything but bytes, DeadlinePassed, and MemoryError.
    """
    _check_call(timeout, limits)
    files = _bytes("reference", reference, _FILE), _bytes("distorted", distorted, _FILE)
    return Pipeline(Defaults(), limits).compare(*files, Deadline(timeout))


_FILE = (
    "the bytes of an image file",
    "read a file with pathlib.Path(path).read_bytes(), an array with RawSource.from_array(array)",
)
_SAMPLES = "bytes", "use RawSource.from_array(array)"


def _bytes(argument: str, value: object, right: tuple[str, str]) -> bytes:
    """The bytes of `value`, copied only if they are not one after the other."""
    if not isinstance(value, Bytes):
        what, advice = right
        raise TypeError(f"{argument} must be {what}, not {type(value).__name__}: {advice}")
    if isinstance(value, memoryview) and not (
        value.c_contiguous and value.ndim == value.itemsize == 1
    ):
        return value.tobytes()
    return cast("bytes", value)


def _source(source: object) -> Data | RawSource:
    if not isinstance(source, RawSource):
        return _bytes("source", source, _FILE)
    return RawSource(
        _whole("source.width", source.width),
        _whole("source.height", source.height),
        _whole("source.bands", source.bands),
        _bytes("source.pixels", source.pixels, _SAMPLES),
    )


def _check_call(timeout: object, limits: object) -> None:
    refuse_forks()
    if timeout is not None:
        _check_number("timeout", timeout)
    _check_kind("limits", limits, ImageLimits, "an ImageLimits")
    for one in fields(ImageLimits):
        _check_number(f"limits.{one.name}", getattr(limits, one.name))


def _check_number(argument: str, value: object, right: str = "a number") -> None:
    """Raise InvalidRequest for anything but a number that a float can hold."""
    number = math.nan
    if isinstance(value, SupportsFloat) and not isinstance(value, bool):
        with suppress(TypeError, ValueError, OverflowError):  # raised by arrays and huge integers
            number = float(value)
    if math.isnan(number):
        raise InvalidRequest(argument, f"must be {right}, is {_shown(value)}")


def _check_kind(argument: str, value: object, kind: Any, right: str) -> None:
    if not isinstance(value, kind):
        raise InvalidRequest(argument, f"must be {right}, is {_shown(value)}")


def _shown(value: object) -> str:
    """The value for a message. It may be a whole image, or an integer too long to print."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _formats(output: Any) -> tuple[list[Format], dict[Format, Encoder]]:
    """The formats in the order of the caller, and the encoders among them."""
    single = output is None or isinstance(output, Encoder | Format | str)
    if isinstance(output, Bytes) or not (single or isinstance(output, Iterable)):
        right = "a format, an encoder such as WebpEncoder(WebpOptions()), or a list of them"
        raise InvalidRequest("output", f"must be {right}, is {_shown(output)}")
    formats: list[Format] = []
    encoders: dict[Format, Encoder] = {}
    for one in [output] if single else output:
        if isinstance(one, Encoder):
            _check_options(one.format, one.options)
            if encoders.setdefault(one.format, one) != one:
                raise InvalidRequest("output", f"has two encoders for {one.format.value}")
            formats.append(one.format)
        elif one is not None:
            formats.append(_member("output", one, Format))
    if not (formats or output is None):
        raise InvalidRequest("output", "is empty: name a format, or leave it out")
    return formats, encoders


def _networks(given: Mapping[Any, Any] | None) -> dict[Format, Predictor]:
    networks = {_member("networks", fmt, Format): one for fmt, one in (given or {}).items()}
    for one in networks.values():
        _check_kind("networks", one, Predictor, "as bundled_networks() or load() returns them")
    return networks


def _background(background: Any) -> tuple[int, int, int]:
    several = isinstance(background, Iterable) and not isinstance(background, str | bytes)
    colors = tuple(background) if several else ()
    if len(colors) != 3:
        right = "three whole numbers from 0 to 255 (red, green, blue)"
        raise InvalidRequest("background", f"must be {right}, is {_shown(background)}")
    red, green, blue = (_whole("background", one, 0, 255) for one in colors)
    return red, green, blue


def _checked(options: EncoderOptions) -> EncoderOptions:
    """The options, unless one has a wrong type or is out of range. Raises InvalidRequest."""
    for fmt in Format:
        ours = getattr(options, fmt.value)
        for one in options_of(type(ours)):
            _check_option(f"{fmt.value}.{one.name}", getattr(ours, one.name), one)
    for flag in fields(EncoderOptions):
        if isinstance(flag.default, bool):
            _check_flag(flag.name, getattr(options, flag.name))
    return options


def _check_options(fmt: Format, options: object) -> None:
    kind = type(getattr(EncoderOptions(), fmt.value))
    _check_kind(fmt.value, options, kind, f"a {kind.__name__}")


def _check_option(name: str, value: Any, option: Option) -> None:
    if isinstance(option.default, Enum):
        choices = option.choices or tuple(type(option.default))
        if value not in choices:
            known = ", ".join(str(one.value) for one in choices)
            raise InvalidRequest(name, f"must be one of {known}; is {_shown(value)}")
    elif isinstance(option.default, bool):
        _check_flag(name, value)
    else:
        _whole(name, value, option.low, option.high)


def _check_flag(argument: str, value: object) -> None:
    _check_kind(argument, value, bool, "True or False")


def _whole(argument: str, value: Any, low: int = -_INT64, high: int = _INT64) -> int:
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
def _naming(argument: str) -> Iterator[None]:
    """Raise InvalidRequest for a ValueError in the body, which says what would be right."""
    try:
        yield
    except ValueError as error:
        raise InvalidRequest(argument, str(error)) from None


def _implied(target: float | str | None) -> Method:
    """The method of a target that stands alone, as in the client: 20kB is a size."""
    if not isinstance(target, str):
        if target is not None:
            _check_number("target", target)
            if not 0 <= target <= 1:
                right = "without a method it is a DSSIM from 0 to 1, a word, or a size such as 20kB"
                raise InvalidRequest("target", f"{right}; is {target:g}")
        return Method.DSSIM
    is_size = target[:1].isdigit() and target[-1:].isalpha()
    return Method.SIZE if is_size else Method.SSIMULACRA2


def _member(argument: str, value: E | str, kind: type[E]) -> E:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(one.value) for one in kind)
        raise InvalidRequest(argument, f"must be one of {known}, is {value}") from None


def _metric(argument: str, name: Any) -> Metric:
    if not isinstance(name, str) or name not in METRICS:
        raise InvalidRequest(argument, f"must be one of {', '.join(METRICS)}, is {name}")
    return METRICS[name]


def _limit(name: str, score: float | str) -> float:
    metric = _metric("worst", name)
    with _naming("worst"):
        score = score_of(score, metric.name) if isinstance(score, str) else score
    _check_number("worst", score, f"a {metric.noun}")
    return score


@cache
def bundled_networks() -> Mapping[Format, Predictor]:
    """The networks that come with this package, loaded once."""
    paths = {fmt: bundled_network(fmt) for fmt in Format}
    return {fmt: load(path) for fmt, path in paths.items() if path is not None}
