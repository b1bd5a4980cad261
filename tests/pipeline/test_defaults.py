"""How a resolved and the server's defaults become settled settings."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from autoquality_core.errors import InvalidRequest
from autoquality_core.pipeline.defaults import Defaults, check_spec
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
    assert (defaults.bounds_for(Format.JPEG, Method.DSSIM), defaults.quality_for(Format.JPEG)) == (
        (50, 90),
        75,
    )
    assert (defaults.bounds_for(Format.WEBP, Method.DSSIM), defaults.quality_for(Format.WEBP)) == (
        (50, 90),
        79,
    )
    assert (defaults.bounds_for(Format.AVIF, Method.DSSIM), defaults.quality_for(Format.AVIF)) == (
        (60, 65),
        63,
    )


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
    assert settled == ResolvedTarget(Method.DSSIM, 0.02, 10, 65, 0.001, "dssim")


@pytest.mark.parametrize("fmt", [Format.JPEG, Format.WEBP, Format.AVIF])
@pytest.mark.parametrize(
    "spec",
    [TargetSpec(Method.SSIMULACRA2), TargetSpec(Method.ML, metric="ssimulacra2")],
)
def test_ssimulacra2_has_its_own_defaults_in_every_format(spec: TargetSpec, fmt: Format) -> None:
    assert IMGPROXY.resolve(spec, fmt) == ResolvedTarget(
        spec.method, 70.0, 10, 95, 1.0, "ssimulacra2"
    )


def test_ranges_that_the_server_or_the_request_sets_win_over_those_of_the_metric() -> None:
    defaults = Defaults(min_quality=40, format_max={Format.AVIF: 70})
    spec = TargetSpec(Method.SSIMULACRA2)
    assert defaults.bounds_for(Format.JPEG, Method.SSIMULACRA2) == (40, 95)
    assert defaults.bounds_for(Format.AVIF, Method.SSIMULACRA2) == (40, 70)
    settled = defaults.resolve(replace(spec, min_quality=5, max_quality=99), Format.AVIF)
    assert (settled.min_quality, settled.max_quality) == (5, 99)


def test_a_general_bound_does_not_replace_one_that_an_encoder_has_of_its_own() -> None:
    defaults = Defaults(min_quality=40, max_quality=95)
    assert defaults.bounds_for(Format.WEBP, Method.DSSIM) == (40, 95)
    assert defaults.bounds_for(Format.AVIF, Method.DSSIM) == (60, 65)


@pytest.mark.parametrize(
    ("configured", "asked", "metric", "target", "error"),
    [
        (Method.SSIMULACRA2, Method.SSIMULACRA2, None, 85.0, 0.5),
        (Method.SSIMULACRA2, Method.ML, "ssimulacra2", 85.0, 0.5),
        (Method.SSIMULACRA2, Method.ML, None, 0.02, 0.001),
        (Method.SSIMULACRA2, Method.DSSIM, None, 0.02, 0.001),
        (Method.SSIMULACRA2, Method.NONE, None, 0.02, 0.001),
        (Method.DSSIM, Method.SSIMULACRA2, None, 70.0, 1.0),
        (Method.SIZE, Method.SSIMULACRA2, None, 70.0, 1.0),
        (Method.NONE, Method.SSIMULACRA2, None, 70.0, 1.0),
        (Method.ML, Method.ML, "ssimulacra2", 70.0, 1.0),
    ],
)
def test_the_servers_target_and_error_are_used_only_with_their_metric(
    configured: Method, asked: Method, metric: str | None, target: float, error: float
) -> None:
    ours = {Method.SSIMULACRA2: (85.0, 0.5), Method.SIZE: (9000.0, 0.5)}
    defaults = Defaults(configured, ours.get(configured, (0.01, 0.5))[0], allowed_error=0.5)
    settled = defaults.resolve(TargetSpec(asked, metric=metric), Format.JPEG)
    assert (settled.target, settled.allowed_error) == (target, error)


@pytest.mark.parametrize(
    ("method", "metric", "right"),
    [
        (Method.DSSIM, "ssimulacra2", "METRIC_DSSIM or unset; is METRIC_SSIMULACRA2"),
        (Method.SSIMULACRA2, "dssim", "METRIC_SSIMULACRA2 or unset; is METRIC_DSSIM"),
        (Method.SIZE, "dssim", "unset; set `measure`"),
        (Method.NONE, "ssimulacra2", "unset; set `measure`"),
    ],
)
@pytest.mark.parametrize("said", [True, False])
def test_a_metric_that_contradicts_the_method_is_refused(
    method: Method, metric: str, right: str, said: bool
) -> None:
    """Also if the method is the server's default."""
    spec = TargetSpec(method if said else None, metric=metric)
    target = 9000.0 if method is Method.SIZE else None
    with pytest.raises(InvalidRequest, match=f"METHOD_{method.name} it must be {right}") as caught:
        Defaults(method, target).resolve(spec, Format.JPEG)
    assert caught.value.field == "auto_quality.metric"


@pytest.mark.parametrize("method", [Method.DSSIM, Method.SSIMULACRA2])
def test_a_metric_that_agrees_with_the_method_changes_nothing(method: Method) -> None:
    settled = IMGPROXY.resolve(TargetSpec(method, metric=method.value), Format.JPEG)
    assert settled == IMGPROXY.resolve(TargetSpec(method), Format.JPEG)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            TargetSpec(Method.SSIMULACRA2, 170),
            "target: with METHOD_SSIMULACRA2 it is a score from 0 to 100; is 170",
        ),
        (
            TargetSpec(Method.ML, 100.5, metric="ssimulacra2"),
            "target: with METHOD_ML and METRIC_SSIMULACRA2 it is a score from 0 to 100; is 100.5",
        ),
        (TargetSpec(Method.SSIMULACRA2, math.nan), "target: with METHOD_SSIMULACRA2 it is a score"),
        (
            TargetSpec(Method.SSIMULACRA2, allowed_error=101),
            "allowed_error: must be a score from 0 to 100, is 101",
        ),
        (
            TargetSpec(Method.DSSIM, allowed_error=2),
            "allowed_error: must be a DSSIM from 0 to 1, is 2",
        ),
    ],
)
def test_a_wrong_score_is_refused_with_the_scale_of_its_metric(
    spec: TargetSpec, message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        check_spec(spec)


def test_what_depends_on_the_method_is_checked_with_the_servers_default() -> None:
    for field, spec in (
        ("auto_quality.target", TargetSpec(target=5)),
        ("auto_quality.allowed_error", TargetSpec(allowed_error=5)),
    ):
        check_spec(spec)
        Defaults(Method.SSIMULACRA2).check(spec)
        with pytest.raises(InvalidRequest) as caught:
            Defaults(Method.DSSIM).check(spec)
        assert caught.value.field == field


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
