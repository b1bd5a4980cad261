"""The settings of a request that leaves them open."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import ENCODERS, Encoder
from autoquality_core.metrics import DSSIM
from autoquality_core.types import (
    MAX_QUALITY,
    MIN_QUALITY,
    Format,
    Method,
    ResolvedTarget,
    TargetSpec,
)


def _differing(usual: int, value: Callable[[type[Encoder]], int]) -> Mapping[Format, int]:
    """The formats whose own default differs from the usual one."""
    own = {fmt: value(encoder) for fmt, encoder in ENCODERS.items()}
    return MappingProxyType({fmt: one for fmt, one in own.items() if one != usual})


@dataclass(frozen=True, slots=True)
class Defaults:
    """The defaults; the values are imgproxy 3's.

    `target` is bytes or a DSSIM, as `method` says; with method NONE a value
    above 1 is bytes. `format_*` win over the general value for their format.
    """

    method: Method = Method.NONE
    target: float | None = None
    min_quality: int = Encoder.default_range[0]
    max_quality: int = Encoder.default_range[1]
    format_min: Mapping[Format, int] = field(
        default_factory=lambda: _differing(
            Encoder.default_range[0], lambda one: one.default_range[0]
        )
    )
    format_max: Mapping[Format, int] = field(
        default_factory=lambda: _differing(
            Encoder.default_range[1], lambda one: one.default_range[1]
        )
    )
    allowed_error: float = 0.001
    quality: int = Encoder.default_quality
    format_quality: Mapping[Format, int] = field(
        default_factory=lambda: _differing(Encoder.default_quality, lambda one: one.default_quality)
    )

    def quality_for(self, fmt: Format) -> int:
        """The quality that method NONE uses for `fmt`."""
        return self.format_quality.get(fmt, self.quality)

    def bounds_for(self, fmt: Format) -> tuple[int, int]:
        """The lowest and the highest quality that a search may use for `fmt`."""
        low = self.format_min.get(fmt, self.min_quality)
        return low, self.format_max.get(fmt, self.max_quality)

    def target_for(self, method: Method) -> float | None:
        """The default target of `method`; None for a size if the default is a score."""
        ours_is_bytes = self.method is Method.SIZE or (
            self.method is Method.NONE and self.target is not None and self.target > 1
        )
        if method is Method.SIZE:
            return self.target if ours_is_bytes else None
        if self.target is None or ours_is_bytes:
            return DSSIM.default_target
        return self.target

    def resolve(self, spec: TargetSpec, fmt: Format, *, yielding: bool = False) -> ResolvedTarget:
        """Fill in what `spec` leaves open, for an image that is written as `fmt`.

        `yielding` is for a format that the caller did not request, or that has no quality: a
        default bound gives way to one of the spec. Raises InvalidRequest, naming the field, if
        the result is contradictory.
        """
        check_spec(spec)
        method = spec.method or self.method
        target = spec.target if spec.target is not None else self.target_for(method)
        if target is None:
            raise InvalidRequest(
                "auto_quality.target", "METHOD_SIZE needs a target: the most bytes, 1 or more"
            )
        _check_target(method, target)
        low, high = self.bounds_for(fmt)
        low = spec.min_quality if spec.min_quality is not None else low
        high = spec.max_quality if spec.max_quality is not None else high
        if low > high and yielding and (spec.min_quality is None or spec.max_quality is None):
            low = high = high if spec.min_quality is None else low
        if low > high:
            _refuse_bounds(spec, low, high, fmt)
        error = spec.allowed_error if spec.allowed_error is not None else self.allowed_error
        return ResolvedTarget(method, target, low, high, error)


def check_spec(spec: TargetSpec) -> None:
    """Check the fields whose range does not depend on the format.

    Raises InvalidRequest naming the field.
    """
    for name, quality in (("min_quality", spec.min_quality), ("max_quality", spec.max_quality)):
        if quality is not None and not MIN_QUALITY <= quality <= MAX_QUALITY:
            raise InvalidRequest(
                f"auto_quality.{name}",
                f"must be from {MIN_QUALITY} to {MAX_QUALITY}, is {quality}",
            )
    error = spec.allowed_error
    if error is not None and not 0 <= error <= 1:
        raise InvalidRequest(
            "auto_quality.allowed_error", f"must be a DSSIM from 0 to 1, is {error:g}"
        )
    if spec.target is not None:
        _check_target(spec.method, spec.target)


def _check_target(method: Method | None, target: float) -> None:
    if method is Method.SIZE:
        if not math.isfinite(target) or target < 1:
            raise InvalidRequest(
                "auto_quality.target",
                f"with METHOD_SIZE it is the most bytes, 1 or more; is {target:g}",
            )
    elif method in (Method.DSSIM, Method.ML) and not 0 <= target <= 1:
        raise InvalidRequest(
            "auto_quality.target",
            f"with METHOD_{method.name} it is a DSSIM from 0 to 1; is {target:g}",
        )
    elif not (math.isfinite(target) and target >= 0):
        raise InvalidRequest("auto_quality.target", f"must be 0 or more, is {target:g}")


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
