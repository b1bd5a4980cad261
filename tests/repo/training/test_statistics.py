"""The statistics of tiles that networks see, compared with OpenCV and real encoders."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
import pyvips

from autoquality_core.formats import BEST_MOZJPEG, JpegEncoder
from autoquality_core.images import ImageLimits, Pixels, blocks, open_image
from autoquality_core.metrics import DSSIM
from autoquality_core.networks.inputs import mosaic
from autoquality_train.network.fitting import tile_statistics
from autoquality_train.network.statistics import (
    COLOURS,
    ColourStatistics,
    Strengths,
    ssim_windows,
)
from tests.photos import crop

LIMITS = ImageLimits(2**24, 2**24)
PHOTOS = ("coffee.png", "chelsea.png", "rocket.jpg")


def pixels_of(name: str, width: int = 192, height: int = 160) -> Pixels:
    return open_image(crop(name, width, height), LIMITS).decode(all_frames=False)


def test_the_transform_equals_that_of_opencv() -> None:
    block = np.random.default_rng(1).standard_normal((8, 8)).astype(np.float32)
    ours = blocks.cosine_transform() @ block.ravel()
    assert ours == pytest.approx(cv2.dct(block).ravel(), abs=1e-5)


def test_each_tile_has_its_own_statistics() -> None:
    """With one tile of noise on grey, only the numbers of that tile differ."""
    image = np.full((1, 416, 416, 3), 128, np.uint8)
    noise = np.random.default_rng(2).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image[0, 16 * 3 : 16 * 4, 16 * 7 : 16 * 8] = noise
    statistics = tile_statistics(image, Strengths((blocks.flat_table(20),)))[0].astype(np.float64)
    assert np.flatnonzero((statistics != statistics[0]).any(axis=1)).tolist() == [3 * 26 + 7]
    grey = noise.astype(np.float64) @ blocks.LUMA - 128
    energy = np.zeros(64)
    for y, x in itertools.product((0, 8), (0, 8)):
        energy += cv2.dct(grey[y : y + 8, x : x + 8]).ravel() ** 2 / 4
    wanted = np.log(energy @ blocks.bands() + 1) / 8
    assert statistics[3 * 26 + 7, 1:9] == pytest.approx(wanted, rel=2e-3)


@pytest.mark.parametrize("quality", [15, 40, 50, 65, 93])
def test_the_tables_equal_those_of_mozjpeg(quality: int) -> None:
    grey = pyvips.Image.black(16, 16)
    file = grey.jpegsave_buffer(Q=quality, quant_table=3)
    at = file.index(b"\xff\xdb") + 5
    zigzag = sorted(
        ((x, y) for x in range(8) for y in range(8)),
        key=lambda place: (sum(place), place[sum(place) % 2]),
    )
    written = np.zeros((8, 8))
    for value, (x, y) in zip(file[at : at + 64], zigzag, strict=True):
        written[y, x] = value
    assert blocks.jpeg_table(quality).tolist() == written.ravel().tolist()


def test_windows_and_bands_are_means() -> None:
    assert ssim_windows().sum(axis=0) == pytest.approx(1)
    assert blocks.bands().sum(axis=0) == pytest.approx(1)
    assert ((blocks.bands() > 0).sum(axis=1) == [0, *[1] * 63]).all()


@pytest.mark.parametrize("name", PHOTOS)
def test_the_codec_in_the_graph_is_close_to_a_real_one(name: str) -> None:
    """Its DSSIM is within a fifth of that of mozjpeg at the same quality."""
    pixels = pixels_of(name)
    statistics = tile_statistics(mosaic(pixels)[None], Strengths((blocks.jpeg_table(65),)))[0, :, 0]
    encoder = JpegEncoder(BEST_MOZJPEG)
    decoded = encoder.decode(encoder.encode(pixels, 65), pixels)
    real = DSSIM.reference(pixels).score(decoded)
    assert float(statistics.astype(np.float64).mean()) == pytest.approx(real, rel=0.2)


def test_blocks_are_measured_as_windows() -> None:
    """Compared with the metric's formula on blocks that OpenCV transformed back."""
    image = mosaic(pixels_of(PHOTOS[0]))
    table = blocks.jpeg_table(40)
    statistics = tile_statistics(image[None], Strengths((), (table,)))[0, :, 0]
    grey = image.astype(np.float32) @ blocks.LUMA
    c1, c2 = 2.55**2, 7.65**2
    for tile in (0, 27, 300, 675):
        y, x = 16 * (tile // 26), 16 * (tile % 26)
        found = []
        for top, left in itertools.product((y, y + 8), (x, x + 8)):
            block = grey[top : top + 8, left : left + 8] - 128
            steps = table.reshape(8, 8)
            coded = cv2.idct(np.round(cv2.dct(block) / steps) * steps)
            one, other = block.astype(np.float64) + 128, coded.astype(np.float64) + 128
            means = one.mean(), other.mean()
            covariance = ((one - means[0]) * (other - means[1])).mean()
            ssim = (2 * means[0] * means[1] + c1) / (means[0] ** 2 + means[1] ** 2 + c1)
            ssim *= (2 * covariance + c2) / (one.var() + other.var() + c2)
            found.append((1 - ssim) / 2)
        assert float(statistics[tile]) == pytest.approx(np.mean(found), rel=5e-3, abs=1e-4)


def test_the_statistics_of_colours_are_those_of_the_halved_chroma() -> None:
    """Compared with OpenCV's transform of the mean of each two by two pixels."""
    image = mosaic(pixels_of(PHOTOS[0]))
    found = np.asarray(ColourStatistics()(image[None]))[0].astype(np.float64)
    assert found.shape == (676, COLOURS)
    chroma = image.astype(np.float64) @ blocks.CHROMA.T.astype(np.float64)
    for tile in (0, 27, 300, 675):
        y, x = 16 * (tile // 26), 16 * (tile % 26)
        for at, one in enumerate(np.split(found[tile], 2)):
            plane = chroma[y : y + 16, x : x + 16, at]
            halved = plane.reshape(8, 2, 8, 2).mean(axis=(1, 3))
            coefficients = cv2.dct(halved).ravel()
            energy = coefficients**2 @ blocks.bands()
            assert one[:8] == pytest.approx(np.log(energy + 1) / 8, abs=2e-3)
            missed = coefficients - 30 * np.round(coefficients / 30)
            assert one[9] == pytest.approx(np.log((missed**2).mean() + 1) / 8, abs=2e-3)
            lost = (plane**2).mean() - (halved**2).mean()
            assert one[10] == pytest.approx(np.log(lost + 1) / 8, abs=2e-3)
            assert one[11] == pytest.approx(abs(plane.mean()) / 128, abs=1e-4)


def test_grey_has_no_colours() -> None:
    grey = np.random.default_rng(4).integers(0, 256, (1, 416, 416, 1), dtype=np.uint8)
    found = np.asarray(ColourStatistics()(np.repeat(grey, 3, axis=3)))
    assert np.abs(found).max() < 1e-4


def test_a_flat_image_has_finite_statistics() -> None:
    flat = np.full((1, 416, 416, 3), 255, np.uint8)
    statistics = tile_statistics(flat, Strengths(*2 * [(blocks.flat_table(20),)]))
    assert np.isfinite(statistics).all()
    assert float(statistics[..., :2].max()) < 1e-3
