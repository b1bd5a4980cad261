"""How a resolved and the server's defaults become settled settings."""

from __future__ import annotations

import math

import pytest

from autoquality_core.errors import InvalidRequest
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.types import Format, Method, ResolvedTarget, TargetSpec

IMGPROXY = Defaults()


def test_an_empty_wish_gets_imgproxys_defaults() -> None:
    assert IMGPROXY.resolve(TargetSpec(), Format.JPEG) == ResolvedTarget(
        Method.NONE, 0.02, 70, 80, 0.001
    )


def test_avif_has_bounds_of_its_own() -> None:
    settled = IMGPROXY.resolve(TargetSpec(method=Method.DSSIM), Format.AVIF)
    assert (settled.min_quality, settled.max_quality) == (60, 65)


def test_a_setting_for_all_formats_counts_for_those_without_a_default_of_their_own() -> None:
    defaults = Defaults(min_quality=50, max_quality=90, quality=75)
    assert (defaults.bounds_for(Format.JPEG), defaults.quality_for(Format.JPEG)) == ((50, 90), 75)
    assert (defaults.bounds_for(Format.WEBP), defaults.quality_for(Format.WEBP)) == ((50, 90), 79)
    assert (defaults.bounds_for(Format.AVIF), defaults.quality_for(Format.AVIF)) == ((60, 65), 63)


@pytest.mark.parametrize(
    ("spec", "bounds"),
    [
        (TargetSpec(min_quality=90), (90, 90)),
        (TargetSpec(max_quality=40), (40, 40)),
        (TargetSpec(min_quality=75), (75, 80)),
        (TargetSpec(max_quality=75), (70, 75)),
    ],
)
def test_a_default_bound_yields_for_a_format_that_was_not_requested(
    spec: TargetSpec, bounds: tuple[int, int]
) -> None:
    resolved = IMGPROXY.resolve(spec, Format.JPEG, yielding=True)
    assert (resolved.min_quality, resolved.max_quality) == bounds


def test_bounds_of_a_request_that_contradict_each_other_never_yield() -> None:
    with pytest.raises(InvalidRequest, match="60 is above max_quality 50"):
        IMGPROXY.resolve(TargetSpec(min_quality=60, max_quality=50), Format.JPEG, yielding=True)


def test_a_wish_overrides_field_by_field() -> None:
    settled = IMGPROXY.resolve(TargetSpec(method=Method.DSSIM, min_quality=10), Format.AVIF)
    assert settled == ResolvedTarget(Method.DSSIM, 0.02, 10, 65, 0.001)


@pytest.mark.parametrize(
    ("configured", "target", "asked", "expected"),
    [
        (Method.SIZE, 10240.0, Method.SIZE, 10240.0),
        (Method.SIZE, 10240.0, Method.DSSIM, 0.02),
        (Method.DSSIM, 0.01, Method.ML, 0.01),
        (Method.NONE, 0.01, Method.DSSIM, 0.01),
        (Method.NONE, 10240.0, Method.SIZE, 10240.0),
        (Method.NONE, 1.5, Method.SIZE, 1.5),
        (Method.NONE, 1.0, Method.DSSIM, 1.0),
        (Method.NONE, 10240.0, Method.ML, 0.02),
        (Method.NONE, None, Method.DSSIM, 0.02),
    ],
)
def test_the_servers_target_is_used_only_by_methods_of_its_kind(
    configured: Method, target: float | None, asked: Method, expected: float
) -> None:
    """A DSSIM is never taken for bytes, nor bytes for a DSSIM."""
    defaults = Defaults(method=configured, target=target)
    assert defaults.resolve(TargetSpec(method=asked), Format.JPEG).target == expected


def test_size_without_a_target_is_an_error() -> None:
    with pytest.raises(InvalidRequest, match="METHOD_SIZE needs a target") as caught:
        Defaults(method=Method.DSSIM, target=0.01).resolve(
            TargetSpec(method=Method.SIZE), Format.JPEG
        )
    assert caught.value.field == "auto_quality.target"


@pytest.mark.parametrize(
    ("resolved", "field"),
    [
        (TargetSpec(min_quality=0), "auto_quality.min_quality"),
        (TargetSpec(min_quality=101), "auto_quality.min_quality"),
        (TargetSpec(max_quality=-3), "auto_quality.max_quality"),
        (TargetSpec(min_quality=81), "auto_quality.min_quality"),
        (TargetSpec(max_quality=69), "auto_quality.max_quality"),
        (TargetSpec(min_quality=60, max_quality=50), "auto_quality.min_quality"),
        (TargetSpec(allowed_error=-0.1), "auto_quality.allowed_error"),
        (TargetSpec(allowed_error=1.5), "auto_quality.allowed_error"),
        (TargetSpec(allowed_error=math.nan), "auto_quality.allowed_error"),
        (TargetSpec(method=Method.DSSIM, target=1.01), "auto_quality.target"),
        (TargetSpec(method=Method.DSSIM, target=-0.01), "auto_quality.target"),
        (TargetSpec(method=Method.ML, target=math.nan), "auto_quality.target"),
        (TargetSpec(method=Method.SIZE, target=0.5), "auto_quality.target"),
        (TargetSpec(method=Method.SIZE, target=math.inf), "auto_quality.target"),
        (TargetSpec(method=Method.SIZE, target=math.nan), "auto_quality.target"),
        (TargetSpec(target=math.nan), "auto_quality.target"),
        (TargetSpec(target=math.inf), "auto_quality.target"),
        (TargetSpec(target=-0.01), "auto_quality.target"),
    ],
)
def test_a_wrong_field_is_named(resolved: TargetSpec, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        IMGPROXY.resolve(resolved, Format.JPEG)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "spec",
    [
        TargetSpec(method=Method.NONE, target=0.0),
        TargetSpec(method=Method.SIZE, target=1.0),
        TargetSpec(method=Method.DSSIM, target=0.0, allowed_error=0.0),
        TargetSpec(method=Method.ML, target=1.0, allowed_error=1.0),
        TargetSpec(method=Method.DSSIM, min_quality=1, max_quality=100),
    ],
)
def test_both_ends_of_a_range_are_accepted(spec: TargetSpec) -> None:
    resolved = IMGPROXY.resolve(spec, Format.JPEG)
    for field in ("method", "target", "min_quality", "max_quality", "allowed_error"):
        given = getattr(spec, field)
        assert given is None or getattr(resolved, field) == given


def test_a_bound_that_clashes_with_the_servers_says_where_that_came_from() -> None:
    with pytest.raises(InvalidRequest, match=r"90 is above max_quality 80 \(this server's"):
        IMGPROXY.resolve(TargetSpec(min_quality=90), Format.JPEG)
    with pytest.raises(InvalidRequest, match=r"40 is below min_quality 70 \(this server's"):
        IMGPROXY.resolve(TargetSpec(max_quality=40), Format.JPEG)
    with pytest.raises(InvalidRequest, match=r"60 is above max_quality 50$"):
        IMGPROXY.resolve(TargetSpec(min_quality=60, max_quality=50), Format.JPEG)
