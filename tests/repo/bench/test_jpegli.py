"""Bytes at a score are interpolated between two encodings next to it."""

from __future__ import annotations

import pytest

from autoquality_core.formats import JpegEncoder
from autoquality_core.images import ImageLimits, Pixels, open_image
from bench.jpegli import Curve, bytes_at, curve_of
from tests.photos import crop

_LIMITS = ImageLimits(2**20, 2**20)


def small_photograph() -> Pixels:
    return open_image(crop("coffee.png", 320, 240), _LIMITS).decode(all_frames=False)


@pytest.fixture(scope="module")
def curve() -> Curve:
    return curve_of(small_photograph(), JpegEncoder().encode, JpegEncoder().decode)


@pytest.mark.parametrize("quality", [20, 51, 88])
def test_bytes_at_a_score_of_the_curve_lie_between_the_neighbours(
    curve: Curve, quality: int
) -> None:
    score, _ = curve(quality)
    found = bytes_at(score, curve)
    assert found is not None
    assert curve(quality - 2)[1] <= found <= curve(quality + 2)[1]


def test_there_are_no_bytes_at_a_score_that_no_quality_reaches(curve: Curve) -> None:
    assert bytes_at(curve(100)[0] + 0.1, curve) is None
    assert bytes_at(curve(1)[0] - 0.1, curve) is None


def test_each_quality_is_encoded_once() -> None:
    encoder, tried = JpegEncoder(), []

    def encode(pixels: Pixels, quality: int) -> bytes:
        tried.append(quality)
        return encoder.encode(pixels, quality)

    counted = curve_of(small_photograph(), encode, encoder.decode)
    assert bytes_at(50.0, counted) == bytes_at(50.0, counted)
    assert len(tried) == len(set(tried))
