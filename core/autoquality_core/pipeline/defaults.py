"""The settings of a request that leaves them open."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

from autoquality_core.errors import InvalidRequest, Violations
from autoquality_core.formats import ENCODERS, Encoder
from autoquality_core.metrics import DSSIM, METRICS, SSIMULACRA2, Metric, limit_name
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    NO_LIMITS,
    Format,
    Limits,
    Method,
    ResolvedTarget,
    TargetSpec,
)

T = TypeVar("T")

_NONE: Mapping[Format, int] = MappingProxyType({})
_QUALITIES: Mapping[Format, int] = MappingProxyType(
    {
        fmt: encoder.default_quality
        for fmt, encoder in ENCODERS.items()
        if encoder.default_quality != Encoder.default_quality
    }
)


@dataclass(frozen=True, slots=True)
class Defaults:
    """The defaults; without arguments they are imgproxy 3's.

    `target` is bytes or a score, as `method` says; with method NONE a value above 1 is bytes.
    `target` and `allowed_error` are defaults of requests in the same unit; `allowed_error` is a
    share of the target for SIZE. For other units, or
    if they are None, the metric has its own. `format_*` win over the general value for their
    format. Bounds that are not given are those of the metric or of the encoder. `candidates` are
    the formats to choose from for requests without a format whose method can compare formats.
    """

    method: Method = Method.NONE
    target: float | None = None
    min_quality: int | None = None
    max_quality: int | None = None
    format_min: Mapping[Format, int] = field(default_factory=lambda: _NONE)
    format_max: Mapping[Format, int] = field(default_factory=lambda: _NONE)
    allowed_error: float | None = None
    limits: Limits = NO_LIMITS
    quality: int = Encoder.default_quality
    format_quality: Mapping[Format, int] = field(default_factory=lambda: _QUALITIES)
    candidates: tuple[Format, ...] = ()

    def quality_for(self, fmt: Format) -> int:
        """The quality that method NONE uses for `fmt`."""
        return self.format_quality.get(fmt, self.quality)

    def usual_bounds(self, method: Method, metric: str | None = None) -> tuple[int, int]:
        """The lowest and the highest quality of a search by `method`, for most formats."""
        low, high = _unit(method, metric).default_range or Encoder.default_range
        return _given(self.min_quality, low), _given(self.max_quality, high)

    def bounds_for(self, fmt: Format, method: Method, metric: str | None = None) -> tuple[int, int]:
        """The lowest and the highest quality that a search by `method` may use for `fmt`."""
        low, high = self.usual_bounds(method, metric)
        if _unit(method, metric).default_range is None:
            # A general setting does not replace a bound that an encoder has of its own.
            low, high = (
                general if bound == usual else bound
                for general, bound, usual in zip(
                    (low, high), ENCODERS[fmt].default_range, Encoder.default_range, strict=True
                )
            )
        return self.format_min.get(fmt, low), self.format_max.get(fmt, high)

    def target_for(self, method: Method, metric: str | None = None) -> float | None:
        """The default target of `method`; None for a size if the default is a score."""
        ours_is_bytes = self.method is Method.SIZE or (
            self.method is Method.NONE and self.target is not None and self.target > 1
        )
        if method is Method.SIZE:
            return self.target if ours_is_bytes else None
        unit = _unit(method, metric)
        if self.target is None or ours_is_bytes or unit is not _unit(self.method):
            return unit.default_target
        return self.target

    def allowed_error_for(self, method: Method, metric: str | None = None) -> float:
        unit = _unit(method, metric)
        ours = _unit(self.method) is unit and (self.method is Method.SIZE) == (
            method is Method.SIZE
        )
        if self.allowed_error is not None and ours:
            return self.allowed_error
        return 0.0 if method is Method.SIZE else unit.default_allowed_error

    def formats_for(
        self, spec: TargetSpec, fmt: Format | None, candidates: tuple[Format, ...]
    ) -> tuple[Format | None, tuple[Format, ...]]:
        """The format and the candidates of a request, with the default candidates.

        A single candidate is a format. Raises InvalidRequest for a request that has both, and for
        a method that cannot compare formats.
        """
        method = spec.method or self.method
        if not candidates:
            usable = fmt is None and compares_formats(method, spec.metric)
            candidates = self.candidates if usable else ()
        elif fmt is not None:
            raise InvalidRequest("candidates", "must be empty if `format` is set; set one of them")
        elif len(candidates) > 1 and not compares_formats(method, spec.metric):
            raise InvalidRequest(
                "candidates",
                f"{_why_incomparable(method)}; use METHOD_SSIMULACRA2, METHOD_SIZE, or METHOD_ML"
                " with METRIC_SSIMULACRA2, or set one `format`",
            )
        return (candidates[0], ()) if len(candidates) == 1 else (fmt, candidates)

    def check(self, spec: TargetSpec) -> None:
        """Raise InvalidRequest for the wrong fields, if that does not depend on the format."""
        self._settled(spec)

    def resolve(self, spec: TargetSpec, fmt: Format, *, yielding: bool = False) -> ResolvedTarget:
        """Fill in what `spec` leaves open, for an image that is written as `fmt`.

        `yielding` is for a format that the caller did not request, or that has no quality: a
        default bound gives way to one of the spec. Raises InvalidRequest, naming the field, if
        the result is contradictory.
        """
        method, target = self._settled(spec)
        low, high = self.bounds_for(fmt, method, spec.metric)
        low, high = _given(spec.min_quality, low), _given(spec.max_quality, high)
        if low > high and yielding and (spec.min_quality is None or spec.max_quality is None):
            low = high = high if spec.min_quality is None else low
        if low > high:
            _refuse_bounds(spec, low, high, fmt)
        error = _given(spec.allowed_error, self.allowed_error_for(method, spec.metric))
        metric = metric_of(method, spec.metric)
        name = metric.name if metric else None
        limits = spec.limits.over(self.limits)
        return ResolvedTarget(method, target, low, high, error, name, limits)

    def _settled(self, spec: TargetSpec) -> tuple[Method, float]:
        """The method and the target of a spec, checked with its other fields."""
        method = spec.method or self.method
        metric_of(method, spec.metric)
        target = _given(spec.target, self.target_for(method, spec.metric))
        wrong = Violations()
        with wrong:
            check_spec(replace(spec, method=method, target=target))
        if target is None:
            needed = "METHOD_SIZE needs a target: the most bytes, 1 or more"
            wrong.add(InvalidRequest("auto_quality.target", needed))
            raise wrong.error()
        wrong.raise_any()
        return method, target


def metric_of(method: Method, metric: str | None = None) -> Metric | None:
    """The metric that `method` searches by: its own, or for ML the one named `metric`.

    None for NONE and SIZE. Raises InvalidRequest for a `metric` that contradicts the method.
    """
    if method is Method.ML:
        names = [one.value for one in Method if one.value in METRICS]
        if metric is not None and metric not in names:
            right = " or ".join(f"METRIC_{name.upper()}" for name in names)
            raise InvalidRequest("auto_quality.metric", f"must be {right}, is {metric}")
        return METRICS[metric or DSSIM.name]
    own = METRICS.get(method.value)
    if metric is not None and metric != (own and own.name):
        right = (
            f"must be METRIC_{own.name.upper()} or unset"
            if own
            else "must be unset; set `measure` to get a score"
        )
        raise InvalidRequest(
            "auto_quality.metric",
            f"with METHOD_{method.name} it {right}; is METRIC_{metric.upper()}",
        )
    return own


def compares_formats(method: Method, metric: str | None = None) -> bool:
    """Whether the answers of a method in several formats can be compared."""
    return method is Method.SIZE or metric_of(method, metric) is SSIMULACRA2


def _why_incomparable(method: Method) -> str:
    if method is Method.NONE:
        return "METHOD_NONE searches for nothing, so there is nothing to compare formats by"
    return "formats cannot be compared by DSSIM: the same DSSIM looks different in each"


def check_spec(spec: TargetSpec) -> None:
    """Check the fields whose range does not depend on the format.

    Without a method, what depends on it is checked later. Raises InvalidRequest with all fields
    that are wrong. A metric that contradicts the method hides errors of scores.
    """
    wrong = Violations()
    for name, quality in (("min_quality", spec.min_quality), ("max_quality", spec.max_quality)):
        if quality is not None and not MIN_QUALITY <= quality <= MAX_QUALITY:
            right = f"must be from {MIN_QUALITY} to {MAX_QUALITY}, is {quality}"
            wrong.add(InvalidRequest(f"auto_quality.{name}", right))
    with wrong:
        if spec.method is not None:
            metric_of(spec.method, spec.metric)
    with wrong:
        if spec.allowed_error is not None:
            _check_allowed_error(spec.method, spec.metric, spec.allowed_error)
    with wrong:
        if spec.target is not None:
            _check_target(spec.method, spec.metric, spec.target)
    wrong.add(*_invalid_limits(spec.limits))
    wrong.raise_any()


def _invalid_limits(limits: Limits) -> Iterator[InvalidRequest]:
    """The errors of limits that are out of range."""
    if limits.max_bytes is not None and limits.max_bytes < 1:
        yield InvalidRequest("auto_quality.max_bytes", f"must be 1 or more, is {limits.max_bytes}")
    for name, score in limits.scores.items():
        metric = METRICS[name]
        if not metric.low <= score <= metric.high:
            yield InvalidRequest(
                f"auto_quality.{limit_name(metric)}",
                f"must be a {metric.noun} from {metric.low:g} to {metric.high:g}, is {score:g}",
            )


def _check_allowed_error(method: Method | None, metric: str | None, error: float) -> None:
    if method is Method.SIZE:
        if not 0 <= error <= 1:
            raise InvalidRequest(
                "auto_quality.allowed_error",
                "with METHOD_SIZE it is the share of the target that may stay unused, from 0 to 1; "
                f"is {error:g}",
            )
        return
    units = METRICS.values() if method is None else (_unit(method, metric),)
    widest = max(units, key=lambda one: one.high - one.low)
    high = widest.high - widest.low
    if not 0 <= error <= high:
        raise InvalidRequest(
            "auto_quality.allowed_error",
            f"must be a {widest.noun} from 0 to {high:g}, is {error:g}",
        )


def _check_target(method: Method | None, metric: str | None, target: float) -> None:
    name = "auto_quality.target"
    if method is Method.SIZE:
        if not math.isfinite(target) or target < 1:
            raise InvalidRequest(
                name, f"with METHOD_SIZE it is the most bytes, 1 or more; is {target:g}"
            )
        return
    searched = None if method is None else metric_of(method, metric)
    if method is not None and searched is not None:
        if not searched.low <= target <= searched.high:
            by = "" if metric is None else f" and METRIC_{metric.upper()}"
            raise InvalidRequest(
                name,
                f"with METHOD_{method.name}{by} it is a {searched.noun} from {searched.low:g} "
                f"to {searched.high:g}; is {target:g}",
            )
    elif not (math.isfinite(target) and target >= 0):
        raise InvalidRequest(name, f"must be 0 or more, is {target:g}")


def _unit(method: Method, metric: str | None = None) -> Metric:
    """The metric whose scores targets and allowed errors of `method` are; DSSIM if it has none."""
    return metric_of(method, metric) or DSSIM


def _given(value: T | None, default: T) -> T:
    return default if value is None else value


def _refuse_bounds(spec: TargetSpec, low: int, high: int, fmt: Format) -> None:
    """Name the field that the caller set, and the origin of the other one."""
    if spec.min_quality is not None:
        source = "" if spec.max_quality is not None else f" (this server's for {fmt.name})"
        raise InvalidRequest(
            "auto_quality.min_quality", f"{low} is above max_quality {high}{source}"
        )
    raise InvalidRequest(
        "auto_quality.max_quality",
        f"{high} is below min_quality {low} (this server's for {fmt.name})",
    )
