"""What of an image a network gets to see."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from autoquality_core.networks.input import network_input
from tests.predictor.images import photograph, pixels, plain


@pytest.mark.parametrize(
    ("width", "height"), [(416, 416), (1, 1), (1, 3000), (417, 415), (37, 901), (2500, 640)]
)
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_any_image_becomes_416_square_rgb(width: int, height: int, bands: int) -> None:
    """Every size and number of bands is brought to (416, 416, 3) bytes, colour kept."""
    image = network_input(plain((50, 100, 150, 255)[:bands][-bands:], width, height))
    assert image.shape == (416, 416, 3)
    assert image.dtype == np.uint8


def test_colours_stay_in_rgb_order() -> None:
    """Red comes first."""
    image = network_input(plain((250, 120, 10)))
    assert (image == (250, 120, 10)).all()


def test_grey_becomes_three_equal_channels() -> None:
    """A grey sample fills red, green and blue."""
    assert (network_input(plain((77,))) == 77).all()


def test_image_of_the_right_size_is_taken_as_it_is() -> None:
    """At 416 x 416 no sample changes."""
    samples = np.ascontiguousarray(data.astronaut()[np.newaxis, :416, :416])
    assert (network_input(pixels(samples)) == samples[0]).all()


@pytest.mark.parametrize("colour", [(0, 0), (200, 10, 30, 0)])
def test_transparent_is_white(colour: tuple[int, ...]) -> None:
    """What lies under full transparency is not seen."""
    assert (network_input(plain(colour)) == 255).all()


def test_alpha_mixes_with_white() -> None:
    """Alpha a shows a / 255 of the colour and white for the rest."""
    image = network_input(plain((0, 100, 200, 102)))
    assert np.abs(image - np.array([153.0, 193.0, 233.0])).max() <= 1


def test_only_the_first_frame_is_seen() -> None:
    """Later frames leave no trace, not even at the seam."""
    frames = np.zeros((3, 50, 60, 3), np.uint8)
    frames[0], frames[1:] = 40, 200
    assert (network_input(pixels(frames)) == 40).all()


def test_whole_image_is_squeezed_rather_than_cropped() -> None:
    """The result is close to another resampler's; the aspect ratio is given up."""
    source = photograph().samples[0][:430]
    ours = network_input(pixels(source[np.newaxis]))
    theirs = cv2.resize(source, (416, 416), interpolation=cv2.INTER_AREA)
    assert np.abs(ours.astype(float) - theirs).mean() < 2
