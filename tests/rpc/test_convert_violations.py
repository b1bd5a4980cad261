"""A refused request names every field that is wrong, and no other."""

from __future__ import annotations

import pytest

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.types import Format
from autoquality_server.rpc.convert import encode_job
from tests.rpc.test_convert import SERVER, request


def violations(asked: pb.EncodeRequest) -> list[str]:
    """The fields that a server with default settings finds wrong."""
    pipeline = Pipeline(Defaults(), ImageLimits(2**20, 1000))
    with pytest.raises(InvalidRequest) as caught:
        encode_job(asked, EncoderOptions(), check=pipeline.check)
    return [one.field for one in caught.value.violations]


def test_an_error_names_all_fields_that_are_wrong() -> None:
    asked = request(
        raw=pb.RawImage(width=0, height=-1, bands=5),
        format=99,
        auto_quality=pb.AutoQuality(
            method=pb.METHOD_SIZE, min_quality=0, max_quality=101, max_bytes=0, max_dssim=2
        ),
        jpeg=pb.JpegOptions(quant_table=9, chroma=99),
        webp=pb.WebpOptions(effort=7),
        background="white",
        measure=[9],
        min_width=0,
    )
    assert violations(asked) == [
        "format",
        *(f"auto_quality.{one}" for one in ("min_quality", "max_quality", "max_bytes")),
        "auto_quality.max_dssim",
        "background",
        "jpeg.quant_table",
        "jpeg.chroma",
        "webp.effort",
        "measure",
        "auto_quality.target",
        "min_width",
        *("raw.width", "raw.height", "raw.bands"),
    ]


def test_the_message_names_the_first_field_and_counts_the_others() -> None:
    for wrong, message in (
        ({}, "quality: must be from 1 to 100, is 0"),
        ({"background": "x"}, "quality: must be from 1 to 100, is 0; 1 more field is invalid"),
        (
            {"background": "x", "measure": [9]},
            "quality: must be from 1 to 100, is 0; 2 more fields are invalid",
        ),
    ):
        with pytest.raises(InvalidRequest) as caught:
            encode_job(request(quality=0, **wrong), SERVER)
        assert caught.value.message == message


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        # The valid targets depend on the method.
        (
            request(auto_quality=pb.AutoQuality(method=99, target=2000), candidates=[1, 2]),
            ["auto_quality.method"],
        ),
        (
            request(quality=80, auto_quality=pb.AutoQuality(method=pb.METHOD_SIZE)),
            ["quality"],
        ),
        (
            request(
                auto_quality=pb.AutoQuality(method=pb.METHOD_DSSIM, metric=2, allowed_error=50)
            ),
            ["auto_quality.metric"],
        ),
        # One of the two bounds is wrong, and the other is not.
        (
            request(auto_quality=pb.AutoQuality(min_quality=300, max_quality=20)),
            ["auto_quality.min_quality"],
        ),
        (pb.EncodeRequest(), ["source"]),
        (
            pb.EncodeRequest(raw=pb.RawImage(width=1, height=1, bands=3, pixels=b"12")),
            ["raw.pixels"],
        ),
    ],
)
def test_a_wrong_field_does_not_blame_others(asked: pb.EncodeRequest, fields: list[str]) -> None:
    asked.background = "white"
    assert sorted(violations(asked)) == sorted([*fields, "background"])


def test_the_errors_of_every_field_fit_the_metadata_of_a_call() -> None:
    """Libraries of gRPC accept 8 KiB of metadata. Base64 adds a third to the details."""
    asked = request(
        raw=pb.RawImage(),
        format=99,
        candidates=[99],
        quality=101,
        measure=[99],
        color_profile=99,
        background="x" * 10_000,
        min_width=-(2**31),
        auto_quality=pb.AutoQuality(method=pb.METHOD_SIZE),
    )
    for message in (asked.auto_quality, *(getattr(asked, fmt.value) for fmt in Format)):
        for field in message.DESCRIPTOR.fields:
            if field.name != "method" and field.type != field.TYPE_BOOL:
                setattr(message, field.name, -(2**31))
    pipeline = Pipeline(Defaults(), ImageLimits(2**20, 1000))
    with pytest.raises(InvalidRequest) as caught:
        encode_job(asked, EncoderOptions(), check=pipeline.check)
    size = sum(
        len(one.field) + len(one.description) + len(one.reason) + 10
        for one in caught.value.violations
    )
    assert len(caught.value.violations) > 25
    assert size * 4 / 3 < 7000
