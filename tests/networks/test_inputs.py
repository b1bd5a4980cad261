"""The input that networks get for an image."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from skimage import data

from autoquality_core.images.blocks import spread
from autoquality_core.networks.inputs import TILE, TILES, mosaic, squeeze
from tests.networks.images import photograph, pixels, plain


@pytest.mark.parametrize(
    ("width", "height"), [(416, 416), (1, 1), (1, 3000), (417, 415), (37, 901), (2500, 640)]
)
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_squeeze_makes_any_image_416_square_rgb(width: int, height: int, bands: int) -> None:
    """For every size and number of bands."""
    image = squeeze(plain((50, 100, 150, 255)[:bands][-bands:], width, height))
    assert image.shape == (416, 416, 3)
    assert image.dtype == np.uint8


def test_squeeze_keeps_the_order_of_rgb() -> None:
    """Red comes first."""
    image = squeeze(plain((250, 120, 10)))
    assert (image == (250, 120, 10)).all()


def test_squeeze_makes_grey_three_equal_channels() -> None:
    """Red, green and blue get the grey sample."""
    assert (squeeze(plain((77,))) == 77).all()


def test_squeeze_keeps_an_image_of_the_right_size() -> None:
    """At 416 x 416 no sample changes."""
    samples = np.ascontiguousarray(data.astronaut()[np.newaxis, :416, :416])
    assert (squeeze(pixels(samples)) == samples[0]).all()


@pytest.mark.parametrize("colour", [(0, 0), (200, 10, 30, 0)])
def test_squeeze_shows_transparent_pixels_as_white(colour: tuple[int, ...]) -> None:
    """The colours under full transparency do not matter."""
    assert (squeeze(plain(colour)) == 255).all()


def test_squeeze_mixes_alpha_with_white() -> None:
    """Alpha a gives a / 255 of the colour, and white for the rest."""
    image = squeeze(plain((0, 100, 200, 102)))
    assert np.abs(image - np.array([153.0, 193.0, 233.0])).max() <= 1


def test_squeeze_shows_the_first_frame_only() -> None:
    """Later frames have no effect, not even at the seam."""
    frames = np.zeros((3, 50, 60, 3), np.uint8)
    frames[0], frames[1:] = 40, 200
    assert (squeeze(pixels(frames)) == 40).all()


def test_squeeze_shows_the_whole_image() -> None:
    """It is close to another resampler's result without the aspect ratio."""
    source = photograph().samples[0][:430]
    ours = squeeze(pixels(source[np.newaxis]))
    theirs = cv2.resize(source, (416, 416), interpolation=cv2.INTER_AREA)
    assert np.abs(ours.astype(float) - theirs).mean() < 2


def tiles(picture: npt.NDArray[np.uint8]) -> list[bytes]:
    """The tiles of an image (height, width, 3), by rows."""
    rows, columns = (side // TILE for side in picture.shape[:2])
    grid = picture.reshape(rows, TILE, columns, TILE, 3).transpose(0, 2, 1, 3, 4)
    return [tile.tobytes() for row in grid for tile in row]


def test_a_mosaic_has_every_tile_of_an_image_of_its_size_once() -> None:
    """In another order, with no pixel changed."""
    source = np.ascontiguousarray(photograph().samples[0][:416, :416])
    made = mosaic(pixels(source[np.newaxis]))
    assert made.shape == (416, 416, 3)
    assert made.flags.c_contiguous
    assert sorted(tiles(made)) == sorted(tiles(source))


def test_a_mosaic_repeats_the_tiles_of_a_small_image_equally_often() -> None:
    """Twelve tiles fill 676 places; pixels outside of whole tiles are left out."""
    source = np.ascontiguousarray(photograph().samples[0][:60, :79])
    whole = tiles(np.ascontiguousarray(source[:48, :64]))
    counts = Counter(tiles(mosaic(pixels(source[np.newaxis]))))
    assert counts.keys() == set(whole)
    assert set(counts.values()) <= {56, 57}


def test_a_mosaic_spreads_its_tiles_over_a_large_image() -> None:
    """All rows of tiles are used, and neighbouring rows start in different columns."""
    rows, columns = spread(200, 300, TILES)
    assert rows.shape == columns.shape == (676,)
    assert np.diff(np.unique(rows)).max() == 1
    assert len(set(zip(rows, columns, strict=True))) == 676
    assert len(set(columns)) > 200


def test_a_mosaic_repeats_the_edge_of_an_image_smaller_than_a_tile() -> None:
    """The last row and column fill the rest of the tile."""
    source = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(1, 2, 3, 3)
    (tile,) = set(tiles(mosaic(pixels(source))))
    padded = np.frombuffer(tile, np.uint8).reshape(TILE, TILE, 3)
    assert (padded[:2, :3] == source[0]).all()
    assert (padded[1:] == padded[1]).all()
    assert (padded[:, 2:] == padded[:, 2:3]).all()


@pytest.mark.parametrize(
    ("colour", "shown"),
    [
        ((77,), (77, 77, 77)),
        ((0, 0), (255, 255, 255)),
        ((9, 8, 7), (9, 8, 7)),
        ((0, 100, 200, 102), (153, 193, 233)),
    ],
)
def test_a_mosaic_shows_rgb_over_white(colour: tuple[int, ...], shown: tuple[int, ...]) -> None:
    """Grey becomes RGB, and alpha mixes with white."""
    assert (mosaic(plain(colour)) == shown).all()


def test_a_mosaic_shows_the_first_frame_only() -> None:
    """Later frames have no effect."""
    frames = np.zeros((3, 50, 60, 3), np.uint8)
    frames[0], frames[1:] = 40, 200
    assert (mosaic(pixels(frames)) == 40).all()
