"""imgproxy's notation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality import AutoQuality, Method, Metric, parse_notation

QUALITY = st.none() | st.integers(1, 100)
NUMBER = st.none() | st.floats(min_value=0, max_value=1e12, allow_nan=False)
SPECS = st.builds(
    AutoQuality,
    method=st.sampled_from([None, *(method for method in Method if method is not Method.UNKNOWN)]),
    target=NUMBER,
    min_quality=QUALITY,
    max_quality=QUALITY,
    allowed_error=NUMBER,
).flatmap(
    lambda spec: st.builds(
        replace,
        st.just(spec),
        metric=st.sampled_from(
            [None, *(one for one in (Metric.DSSIM, Metric.SSIMULACRA2) if one != str(spec.method))]
        ),
    )
)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("dssim:0.02:70:80:0.001", AutoQuality(Method.DSSIM, 0.02, 70, 80, 0.001)),
        ("size:10240:10:80", AutoQuality(Method.SIZE, 10240, 10, 80)),
        ("size:10240:::0.05", AutoQuality(Method.SIZE, 10240, allowed_error=0.05)),
        ("size:20kB", AutoQuality(Method.SIZE, 20_000)),
        (":1.5 MiB:10", AutoQuality(Method.SIZE, 1_572_864, 10)),
        ("none", AutoQuality(Method.NONE)),
        ("ml::60", AutoQuality(Method.ML, None, 60)),
        ("::70:80", AutoQuality(None, None, 70, 80)),
        ("autoquality:dssim:0.02", AutoQuality(Method.DSSIM, 0.02)),
        ("aq:ml:0.01", AutoQuality(Method.ML, 0.01)),
        (" DSSIM : 0.02 ", AutoQuality(Method.DSSIM, 0.02)),
        ("dssim:2e-2", AutoQuality(Method.DSSIM, 0.02)),
        ("ssimulacra2:82.5:::2", AutoQuality(Method.SSIMULACRA2, 82.5, allowed_error=2)),
        ("ssimulacra2:high", AutoQuality(Method.SSIMULACRA2, 70)),
        (":Visually Lossless", AutoQuality(Method.SSIMULACRA2, 90)),
        ("ml:very-high", AutoQuality(Method.ML, 80, metric=Metric.SSIMULACRA2)),
        ("ssimulacra2:70:10:95:1:ssimulacra2", AutoQuality(Method.SSIMULACRA2, 70, 10, 95, 1)),
        (
            "ml:70:10:95:1:ssimulacra2",
            AutoQuality(Method.ML, 70, 10, 95, 1, Metric.SSIMULACRA2),
        ),
        ("aq", AutoQuality()),
        ("", AutoQuality()),
    ],
)
def test_every_part_is_optional(text: str, spec: AutoQuality) -> None:
    assert parse_notation(text) == spec


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("best", "method must be one of none, size, dssim, ml, ssimulacra2, not 'best'"),
        ("unknown", "method must be one of"),
        ("dssim:small", "target must be a number, 0 or more, not 'small'"),
        ("dssim:20kB", "target '20kB' is a size in bytes: the method must be size"),
        ("size:20xB", "target must be a size of 1 byte or more, such as 100kB, 64MiB"),
        ("dssim:nan", "target must be a number"),
        ("dssim:inf", "target must be a number"),
        ("dssim:-1", "target must be a number"),
        ("dssim:0.02:seventy", "min_quality must be a whole number from 1 to 100, not 'seventy'"),
        ("dssim:0.02:70:800", "max_quality must be a whole number from 1 to 100, not '800'"),
        ("dssim:0.02:70.5", "min_quality must be a whole number"),
        ("dssim:0.02:70:80:x", "allowed_error must be a number"),
        ("dssim:0.02:70:80:0.001:9", "metric must be one of dssim, ssimulacra2, not '9'"),
        ("ml:0.02:70:80:0.001:dssim:9", "has 7 parts; at most 6"),
        ("dssim:high", "target must be a number, 0 or more, not 'high'; words are for ssimulacra2"),
        ("size:high", "target must be a number, 0 or more, not 'high'"),
        ("ml:high::::dssim", "target must be a number, 0 or more, not 'high'"),
        (
            "ssimulacra2:best",
            "or one of low, medium, high, very_high, excellent, visually_lossless, not 'best'",
        ),
        ("aq:aq:dssim", "method must be one of"),
    ],
)
def test_an_error_names_the_part_and_the_valid_values(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_notation(text)


@settings(deadline=None)
@given(SPECS)
def test_a_spec_survives_formatting_and_parsing(spec: AutoQuality) -> None:
    assert parse_notation(str(spec)) == spec


@settings(deadline=None)
@given(st.text())
def test_any_text_is_parsed_or_raises_value_error(text: str) -> None:
    try:
        spec = parse_notation(text)
    except ValueError:
        return
    assert isinstance(spec, AutoQuality)
