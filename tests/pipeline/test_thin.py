"""Thin images: refused by their header where a side is too long, and charged for their rows."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pyvips

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidRequest, RequestCancelled
from autoquality_core.formats import EncoderOptions
from autoquality_core.images import source as source_module
from autoquality_core.images.colour import render
from autoquality_core.images.limits import LEAST_ROW
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.sources import OpenJob
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import RawSource
from autoquality_server.rpc.convert import encode_job
from tests.images.files import AMPLE, SAVERS, image_of, png_header

PIPELINE = Pipeline(Defaults(), AMPLE)


def job(data: bytes, fmt: str = "UNSPECIFIED") -> EncodeJob:
    request = pb.EncodeRequest(image=data, format=pb.Format.Value(f"FORMAT_{fmt}"))
    return encode_job(request, EncoderOptions())


def opened(data: bytes, fmt: str = "UNSPECIFIED") -> OpenJob:
    return PIPELINE.open(job(data, fmt), Deadline())


def plain(width: int, height: int, bands: int = 3, fmt: str = "png") -> bytes:
    return bytes(SAVERS[fmt](image_of(np.full((height, width, bands), 90, np.uint8))))


@pytest.mark.parametrize(
    ("fmt", "most"),
    [
        ("JPEG", "JPEG holds at most 65500"),
        ("WEBP", "WebP holds at most 16383"),
        ("AVIF", "JPEG holds at most 65500"),
    ],
)
@pytest.mark.parametrize(("width", "height"), [(1, 50_000_000), (50_000_000, 1)])
def test_a_side_too_long_is_refused_by_the_header(
    fmt: str, most: str, width: int, height: int
) -> None:
    """There are no pixels in the file: 97 kB of 1x50,000,000 took 48 seconds to decode."""
    with pytest.raises(InvalidRequest) as caught:
        opened(png_header(width, height), fmt)
    assert (caught.value.field, caught.value.reason) == ("format", "IMAGE_TOO_LARGE")
    assert caught.value.description.startswith(most)


def test_a_side_that_one_of_the_possible_formats_holds_is_not_refused_by_the_header() -> None:
    """An AVIF of one column becomes a PNG with its alpha, a JPEG if that is opaque."""
    assert opened(plain(1, 70_000, 4), "AVIF").source.height == 70_000
    assert opened(png_header(1, 50_000_000)).source.height == 50_000_000
    with pytest.raises(InvalidRequest):
        opened(plain(1, 70_000), "AVIF")


@pytest.mark.parametrize("bands", [1, 3])
def test_bare_pixels_with_a_side_too_long_are_refused_before_they_arrive(bands: int) -> None:
    raw = RawSource(1, 20_000, bands, b"")
    with pytest.raises(InvalidRequest, match="WebP holds at most 16383"):
        PIPELINE.check(replace(job(b"x", "WEBP"), source=raw))


def test_images_of_two_sizes_are_not_decoded_to_be_compared() -> None:
    with pytest.raises(InvalidRequest) as caught:
        PIPELINE.open_pair(png_header(100, 50), png_header(50, 100), Deadline())
    assert caught.value.reason == "SIZE_MISMATCH"
    assert caught.value.description == "must be as large as the reference, 100x50; is 50x100"


def test_a_row_costs_at_least_as_much_as_so_many_pixels() -> None:
    """1x4,000,000 takes more than ten times as long as 2000x2000, 16x250,000 twice as long."""
    assert 10 <= LEAST_ROW <= 32
    assert opened(plain(1, 4000)).cost == LEAST_ROW * 4000
    assert opened(plain(4000, 1)).cost == 4000
    assert opened(plain(LEAST_ROW, 100)).cost == opened(plain(LEAST_ROW, 100)).pixels
    assert opened(plain(400, 300)).cost == 400 * 300
    pair = PIPELINE.open_pair(plain(1, 4000), plain(1, 4000), Deadline())
    assert pair.cost == 2 * LEAST_ROW * 4000
    raw = OpenJob(job(b"x"), RawSource(1, 4000, 1, bytes(4000)))
    assert raw.cost == LEAST_ROW * 4000


def test_a_decoding_stops_when_the_caller_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would go on for seconds: the worker is free for others instead."""
    source = opened(plain(1, 3_000_000))
    deadline = Deadline()
    usual = render.render

    def leaving(image: pyvips.Image, *args: Any, **kwargs: Any) -> render.Rendered:
        threading.Timer(0.1, deadline.cancel).start()
        return usual(image, *args, **kwargs)

    monkeypatch.setattr(source_module, "render", leaving)
    with pytest.raises(RequestCancelled):
        source.decode(deadline)
