"""Encode and compare in one call: what `import autoquality_core` offers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cache
from typing import Any

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.images.libvips import refuse_forks
from autoquality_core.metrics import METRICS, limit_name
from autoquality_core.networks import Predictor, load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.pipeline.arguments import (
    FILE,
    Bytes,
    Output,
    as_bytes,
    background_of,
    check_kind,
    check_number,
    checked,
    formats_of,
    limit_of,
    member,
    metric_named,
    naming,
    networks_of,
    source_of,
    whole_number,
)
from autoquality_core.pipeline.comparison import Comparison
from autoquality_core.pipeline.defaults import Defaults, metric_of
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    ColorProfile,
    Format,
    Limits,
    Method,
    RawSource,
    TargetSpec,
    bytes_of,
    score_of,
)

_USUAL = EncoderOptions()

LIMITS = ImageLimits(max_bytes=256 * 2**20, max_pixels=200_000_000)
"""The largest sources that are accepted by default."""


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
    - `max_bytes` and `worst` (the worst score by metric): limits that hold together with the
      target.
    - `quality`: 1 to 100. Encodes once, without a search, and excludes method and target.
    - `min_quality`, `max_quality`: the range of a search, 1 to 100. By default 10 to 95 for
      SSIMULACRA2, and all for others.
    - `allowed_error`: a difference of scores (0.001 or 1 by default), and for "size" the share of
      the bytes that may stay unused.
    - `measure`: more metrics to report.
    - `networks`: for "ml", such as `bundled_networks()`. Without them, a search by the metric
      serves it, with a notice.
    - `timeout`: seconds, 0 or more, after which a search ends with its best answer so far.
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
    source = source_of(source)
    _check_call(timeout, limits)
    check_kind("networks", networks, Mapping | None, "as bundled_networks() returns them")
    check_kind("measure", measure, Iterable, 'a list of metrics, such as ["dssim"]')
    check_kind("worst", worst, Mapping | None, 'a score by metric, such as {"dssim": 0.01}')
    networks = networks_of(networks)
    formats, encoders = formats_of(output)
    options = checked(
        EncoderOptions(
            background=background_of(background),
            keep_metadata=keep_metadata,
            keep_copyright=keep_copyright,
            color_profile=member("color_profile", color_profile, ColorProfile),
            keep_hidden_colors=keep_hidden_colors,
            allow_truncated=allow_truncated,
            keep_smaller_source=keep_smaller_source,
            cap_at_source=cap_at_source,
            may_shrink=may_shrink,
            min_width=whole_number("min_width", min_width),
            **{fmt.value: one.options for fmt, one in encoders.items()},
        )
    )
    alone = formats[0] if len(formats) == 1 else None
    fixed = quality is not None
    if fixed and (target is not None or member("method", method or "none", Method) != Method.NONE):
        raise InvalidRequest("quality", "is fixed, without a search: leave out target and method")
    if method is None:
        method = _implied(target) if metric is None else Method(metric_named("metric", metric).name)
    chosen = Method.NONE if fixed else member("method", method, Method)
    searched = metric_of(chosen, None if metric is None else metric_named("metric", metric).name)
    if isinstance(target, str):
        with naming("target"):
            name = searched.name if searched else ""
            target = bytes_of(target) if chosen is Method.SIZE else score_of(target, name)
    if isinstance(max_bytes, str):
        with naming("max_bytes"):
            max_bytes = bytes_of(max_bytes)
    low, high = (searched and searched.default_range) or (MIN_QUALITY, MAX_QUALITY)
    low = low if min_quality is None else min_quality
    high = high if max_quality is None else max_quality
    low, high = whole_number("min_quality", low), whole_number("max_quality", high)
    if quality is not None:
        quality = whole_number("quality", quality, MIN_QUALITY, MAX_QUALITY)
    if max_bytes is not None:
        max_bytes = whole_number("max_bytes", max_bytes)
    for name, number in (("target", target), ("allowed_error", allowed_error)):
        if number is not None:
            check_number(name, number)
    scores = {name: limit_of(name, score) for name, score in (worst or {}).items()}
    given = Limits(max_bytes, scores)
    spec = TargetSpec(chosen, target, low, high, allowed_error, metric, given)
    measure = [measure] if isinstance(measure, str) else measure
    metrics = tuple(metric_named("measure", name) for name in measure)
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
    files = as_bytes("reference", reference, FILE), as_bytes("distorted", distorted, FILE)
    return Pipeline(Defaults(), limits).compare(*files, Deadline(timeout))


def _check_call(timeout: Any, limits: object) -> None:
    refuse_forks()
    if timeout is not None:
        check_number("timeout", timeout)
        if timeout < 0:
            raise InvalidRequest("timeout", f"must be 0 seconds or more, is {timeout}")
    check_kind("limits", limits, ImageLimits, "an ImageLimits")
    for one in fields(ImageLimits):
        check_number(f"limits.{one.name}", getattr(limits, one.name))


def _implied(target: float | str | None) -> Method:
    """The method of a target that stands alone, as in the client: 20kB is a size."""
    if not isinstance(target, str):
        if target is not None:
            check_number("target", target)
            if not 0 <= target <= 1:
                right = "without a method it is a DSSIM from 0 to 1, a word, or a size such as 20kB"
                raise InvalidRequest("target", f"{right}; is {target:g}")
        return Method.DSSIM
    is_size = target[:1].isdigit() and target[-1:].isalpha()
    return Method.SIZE if is_size else Method.SSIMULACRA2


@cache
def bundled_networks() -> Mapping[Format, Predictor]:
    """The networks that come with this package, loaded once."""
    paths = {fmt: bundled_network(fmt) for fmt in Format}
    return {fmt: load(path) for fmt, path in paths.items() if path is not None}
