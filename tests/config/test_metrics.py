"""Targets, allowed errors and ranges by the metric of the configured method."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from autoquality_core.types import Format, Limits, Method, ResolvedTarget, TargetSpec
from autoquality_server.config import ConfigError, Settings, load
from autoquality_server.config.settings import SPECS


def read(environ: Mapping[str, str] | None = None) -> Settings:
    return load({}, environ or {}).settings


def test_the_text_of_a_default_that_depends_on_the_metric_has_both() -> None:
    """The settings stay open, because only the defaults know the metric of a request."""
    texts = {spec.field: spec.default_text for spec in SPECS}
    fields = ("target", "min_quality", "max_quality", "allowed_error", "format_min", "format_max")
    assert [texts[field] for field in fields] == [
        *("0.02, ssimulacra2: 70", "70, ssimulacra2: 10", "80, ssimulacra2: 95"),
        *("0.001, ssimulacra2: 1", "avif=60", "avif=65"),
    ]
    by_dssim = read().defaults().resolve(TargetSpec(Method.DSSIM), Format.AVIF)
    assert by_dssim == ResolvedTarget(Method.DSSIM, 0.02, 60, 65, 0.001, "dssim")
    assert read().min_quality is read().target is read().allowed_error is None


@pytest.mark.parametrize(("text", "target"), [("high", 70), ("Visually Lossless", 90), ("42", 42)])
def test_ssimulacra2_may_be_the_default_with_a_number_or_a_word(text: str, target: float) -> None:
    environ = {"AUTOQUALITY_METHOD": "ssimulacra2", "AUTOQUALITY_ALLOWED_ERROR": "2"}
    defaults = read(environ | {"IMGPROXY_AUTOQUALITY_TARGET": text}).defaults()
    settled = defaults.resolve(TargetSpec(), Format.WEBP)
    assert settled == ResolvedTarget(Method.SSIMULACRA2, target, 10, 95, 2, "ssimulacra2")


def test_limits_of_the_server_have_units_and_words() -> None:
    assert not read().defaults().limits
    environ = {
        "AUTOQUALITY_MAX_BYTES": "100kB",
        "AUTOQUALITY_MAX_DSSIM": "0.05",
        "AUTOQUALITY_MIN_SSIMULACRA2": "medium",
    }
    limits = Limits(100_000, {"dssim": 0.05, "ssimulacra2": 50})
    assert read(environ).defaults().limits == limits
    settled = read(environ).defaults().resolve(TargetSpec(Method.SIZE, 9000), Format.AVIF)
    assert (settled.limits, settled.allowed_error) == (limits, 0)
    assert read({"AUTOQUALITY_MIN_SSIMULACRA2": "42"}).min_ssimulacra2 == 42


def test_the_allowed_error_of_a_size_is_a_share() -> None:
    environ = {"AUTOQUALITY_METHOD": "size", "AUTOQUALITY_TARGET": "9000"}
    defaults = read(environ | {"AUTOQUALITY_ALLOWED_ERROR": "0.05"}).defaults()
    assert defaults.resolve(TargetSpec(), Format.WEBP).allowed_error == 0.05
    assert defaults.resolve(TargetSpec(Method.DSSIM), Format.WEBP).allowed_error == 0.001


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"AUTOQUALITY_METHOD": "ssimulacra2", "AUTOQUALITY_TARGET": "170"},
            (
                "AUTOQUALITY_TARGET: with AUTOQUALITY_METHOD ssimulacra2 it must be a score from 0 "
                "to 100, not 170"
            ),
        ),
        (
            {"AUTOQUALITY_METHOD": "dssim", "AUTOQUALITY_TARGET": "high"},
            (
                "AUTOQUALITY_TARGET: with AUTOQUALITY_METHOD dssim it must be a DSSIM from 0 to 1, "
                "not high"
            ),
        ),
        (
            {"AUTOQUALITY_TARGET": "high"},
            (
                "AUTOQUALITY_TARGET: with AUTOQUALITY_METHOD none it must be a DSSIM from 0 to 1, "
                "not high"
            ),
        ),
        (
            {"AUTOQUALITY_METHOD": "size", "AUTOQUALITY_TARGET": "low"},
            (
                "AUTOQUALITY_TARGET: with AUTOQUALITY_METHOD size it must be bytes, 1 or more, "
                "not low"
            ),
        ),
        (
            {"AUTOQUALITY_METHOD": "ssimulacra2", "AUTOQUALITY_TARGET": "best"},
            (
                "AUTOQUALITY_TARGET: must be bytes (1 or more), a score (0 or more) or one of low, "
                "medium, high, very_high, excellent, visually_lossless, not 'best'"
            ),
        ),
        (
            {"AUTOQUALITY_ALLOWED_ERROR": "2"},
            (
                "AUTOQUALITY_ALLOWED_ERROR: with AUTOQUALITY_METHOD none it must be a DSSIM from 0 "
                "to 1, not 2"
            ),
        ),
        (
            {"AUTOQUALITY_METHOD": "ssimulacra2", "AUTOQUALITY_ALLOWED_ERROR": "101"},
            (
                "AUTOQUALITY_ALLOWED_ERROR: with AUTOQUALITY_METHOD ssimulacra2 it must be a score "
                "from 0 to 100, not 101"
            ),
        ),
        (
            {
                "AUTOQUALITY_METHOD": "size",
                "AUTOQUALITY_TARGET": "9000",
                "AUTOQUALITY_ALLOWED_ERROR": "5",
            },
            (
                "AUTOQUALITY_ALLOWED_ERROR: with AUTOQUALITY_METHOD size it must be the share of "
                "the target that may stay unused, from 0 to 1, not 5"
            ),
        ),
        (
            {"AUTOQUALITY_MAX_BYTES": "0"},
            (
                "AUTOQUALITY_MAX_BYTES: must be a size of 1 byte or more, such as 100kB, 64MiB or "
                "1048576, not '0'"
            ),
        ),
        (
            {"AUTOQUALITY_MIN_SSIMULACRA2": "best"},
            (
                "AUTOQUALITY_MIN_SSIMULACRA2: must be a score from 0 to 100, or one of low, "
                "medium, high, very_high, excellent, visually_lossless, not 'best'"
            ),
        ),
        (
            {"AUTOQUALITY_MAX_DSSIM": "2"},
            "AUTOQUALITY_MAX_DSSIM: must be a DSSIM from 0 to 1, not '2'",
        ),
        (
            {"AUTOQUALITY_METHOD": "ssimulacra2", "AUTOQUALITY_MAX": "60"},
            (
                "AUTOQUALITY_MAX: the highest quality of jpeg with method none must be at least "
                "its lowest, 70 (AUTOQUALITY_MIN), not 60"
            ),
        ),
    ],
)
def test_a_contradiction_is_refused_with_what_would_be_right(
    environ: Mapping[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(environ)
    assert str(caught.value) == message
