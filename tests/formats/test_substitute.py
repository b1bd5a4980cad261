"""The format that holds an image, and the error if none can."""

from __future__ import annotations

import numpy as np
import pytest
import pyvips

from autoquality_core import formats
from autoquality_core.errors import InvalidRequest
from autoquality_core.formats import encoder_for, substitute
from autoquality_core.images import Pixels
from autoquality_core.types import Format
from tests.formats.sources import decoded_luma


@pytest.mark.parametrize("fmt", Format)
@pytest.mark.parametrize("has_alpha", [False, True])
def test_an_ordinary_image_keeps_the_format_asked_for(fmt: Format, has_alpha: bool) -> None:
    assert substitute(fmt, 640, 480, has_alpha=has_alpha) is fmt
    assert substitute(fmt, 16, 16, has_alpha=has_alpha) is fmt


@pytest.mark.parametrize("size", [(15, 400), (400, 15), (1, 1)])
def test_a_small_avif_becomes_png_with_alpha_and_jpeg_without(size: tuple[int, int]) -> None:
    assert substitute(Format.AVIF, *size, has_alpha=True) is Format.PNG
    assert substitute(Format.AVIF, *size, has_alpha=False) is Format.JPEG


def test_the_substitute_has_its_own_limit() -> None:
    assert substitute(Format.AVIF, 20000, 10, has_alpha=False) is Format.JPEG
    with pytest.raises(InvalidRequest, match="JPEG holds at most 65500 pixels a side"):
        substitute(Format.AVIF, 70000, 10, has_alpha=False)


@pytest.mark.parametrize(
    ("fmt", "name", "side"),
    [(Format.WEBP, "WebP", 16383), (Format.JPEG, "JPEG", 65500), (Format.AVIF, "AVIF", 16384)],
)
def test_a_side_too_long_is_refused_with_the_numbers(fmt: Format, name: str, side: int) -> None:
    assert substitute(fmt, side, 100, has_alpha=False) is fmt
    with pytest.raises(InvalidRequest) as caught:
        substitute(fmt, 100, side + 1, has_alpha=False)
    assert (caught.value.field, caught.value.reason) == ("format", "IMAGE_TOO_LARGE")
    assert caught.value.description == (
        f"{name} holds at most {side} pixels a side,"
        f" the image is 100x{side + 1}; choose another format"
    )


def test_a_format_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "writable", lambda: (Format.JPEG, Format.PNG))
    with pytest.raises(InvalidRequest) as caught:
        substitute(Format.AVIF, 100, 100, has_alpha=False)
    assert caught.value.description == "AVIF cannot be written here; choose JPEG, PNG"


@pytest.mark.parametrize(("fmt", "bands"), [(Format.JPEG, 1), (Format.WEBP, 1), (Format.AVIF, 2)])
@pytest.mark.parametrize("wide", [True, False])
def test_the_longest_side_is_the_one_that_the_encoder_takes(
    fmt: Format, bands: int, wide: bool
) -> None:
    """For AVIF, libheif, which writes alpha; libavif takes more."""
    codec = encoder_for(fmt)
    longest = np.zeros((1, codec.max_side, 16, bands), np.uint8)
    turned = longest.transpose(0, 2, 1, 3) if wide else longest
    pixels = Pixels(turned)
    data = codec.encode(pixels, 50)
    assert decoded_luma(codec, data, pixels).shape == (bands, *turned.shape[:3])
    longer = np.zeros((1, codec.max_side + 1, 16, bands), np.uint8)
    with pytest.raises(pyvips.Error):
        codec.encode(Pixels(longer), 50)


@pytest.mark.parametrize("fmt", Format)
def test_the_shortest_side_is_one_that_the_encoder_takes(fmt: Format) -> None:
    codec = encoder_for(fmt)
    pixels = Pixels(np.full((1, codec.min_side, codec.min_side, 3), 90, np.uint8))
    data = codec.encode(pixels, 50)
    assert np.abs(decoded_luma(codec, data, pixels).astype(int) - 90).max() <= 3
