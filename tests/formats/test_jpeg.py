"""JPEG's options do what mozjpeg's names say."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import pyvips

from autoquality_core.formats import BEST_MOZJPEG, JpegEncoder, JpegOptions
from autoquality_core.images import Pixels
from tests.formats.sources import decoded_luma, grey, photograph

CODEC = JpegEncoder()
PLAIN = JpegOptions()


def encode(pixels: Pixels, jpeg: JpegOptions, quality: int = 70) -> bytes:
    return JpegEncoder(jpeg).encode(pixels, quality)


def components(data: bytes) -> list[int]:
    """The sampling factors in the frame header, one byte (horizontal, vertical) a component."""
    start = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in data)
    return [data[start + 11 + 3 * at] for at in range(data[start + 9])]


@pytest.mark.parametrize(
    "one",
    [
        replace(PLAIN, progressive=True),
        replace(PLAIN, no_subsample=True),
        replace(PLAIN, trellis_quant=True),
        replace(PLAIN, overshoot_deringing=True),
        replace(PLAIN, quant_table=3),
        replace(PLAIN, progressive=True, trellis_quant=True),
    ],
    ids=lambda jpeg: str(jpeg)[len("JpegOptions") :],
)
def test_each_option_changes_the_file(one: JpegOptions) -> None:
    overshooting = np.zeros((1, 64, 64, 3), np.uint8)
    overshooting[0, 10:50, 20:30] = 255  # deringing works on hard edges at the ends of the scale
    pixels = Pixels(overshooting)
    files = {encode(pixels, PLAIN), encode(pixels, one)}
    files |= {encode(photograph(), PLAIN), encode(photograph(), one)}
    assert len(files) >= 3


def test_optimised_scans_need_progressive() -> None:
    pixels = photograph(256, 256)
    assert encode(pixels, replace(PLAIN, optimize_scans=True)) == encode(pixels, PLAIN)
    progressive = replace(PLAIN, progressive=True)
    optimised = encode(pixels, replace(progressive, optimize_scans=True))
    assert len(optimised) < len(encode(pixels, progressive))


def test_progressive_is_progressive() -> None:
    assert b"\xff\xc2" not in encode(photograph(), PLAIN)
    assert b"\xff\xc2" in encode(photograph(), replace(PLAIN, progressive=True))


def test_grey_has_one_component() -> None:
    assert len(components(encode(grey(), PLAIN))) == 1
    assert pyvips.Image.jpegload_buffer(encode(grey(), PLAIN)).bands == 1


def test_huffman_tables_are_made_for_the_image() -> None:
    pixels = photograph(256, 256)
    standard = pixels.image.jpegsave_buffer(Q=70, keep=pyvips.ForeignKeep.NONE)
    assert len(encode(pixels, PLAIN)) < len(standard)


def test_the_best_settings_make_the_smallest_file() -> None:
    pixels = photograph(384, 384)
    others = [PLAIN, replace(PLAIN, progressive=True), replace(PLAIN, trellis_quant=True)]
    assert len(encode(pixels, BEST_MOZJPEG)) < min(len(encode(pixels, one)) for one in others)
    assert BEST_MOZJPEG.quant_table == 3


@pytest.mark.parametrize("table", range(9))
def test_every_quantisation_table_is_known_to_the_encoder(table: int) -> None:
    data = encode(photograph(), JpegOptions(quant_table=table))
    assert pyvips.Image.jpegload_buffer(data).width == 96


def test_luma_is_that_of_the_clipped_colours_and_not_the_y_of_the_file() -> None:
    """Saturated colours leave the gamut at a low quality, and are brought back into it."""
    stripes = np.zeros((1, 64, 64, 3), np.uint8)
    stripes[:, :, ::3] = (255, 0, 0)
    stripes[:, :, 1::3] = (0, 0, 255)
    pixels = Pixels(stripes)
    data = encode(pixels, PLAIN, 10)
    found = decoded_luma(CODEC, data, pixels)[0, 0]
    colours = pyvips.Image.jpegload_buffer(data).numpy() @ (0.299, 0.587, 0.114)
    assert np.abs(found - colours).max() <= 0.51
    in_file = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.abs(found.astype(int) - in_file).max() > 10
