"""Smaller images: linear light, alpha as weight, every frame, exact sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import numpy.typing as npt
import pytest
import pyvips
from PIL import Image

from autoquality_core.images import Pixels
from autoquality_core.images.shrinking import shrunk
from tests.formats.sources import grey, moving, photograph, translucent

PICTURES = [photograph, grey, translucent, lambda: translucent(2), moving, lambda: moving(bands=4)]


def unstopped(_stop: Callable[[], None]) -> AbstractContextManager[None]:
    return nullcontext()


def small(samples: npt.NDArray[np.uint8], width: int, height: int) -> npt.NDArray[np.uint8]:
    """The samples (height, width, bands) of a still image."""
    pixels = Pixels(samples[np.newaxis])
    return shrunk(pixels, width, height, unstopped).samples[0]


@pytest.mark.parametrize("make", PICTURES)
@pytest.mark.parametrize(("width", "height"), [(95, 63), (48, 32), (31, 21), (5, 3), (1, 1)])
def test_sides_bands_frames_and_durations(
    make: Callable[[], Pixels], width: int, height: int
) -> None:
    pixels = make()
    found = shrunk(pixels, width, height, unstopped)
    assert (found.width, found.height) == (width, height)
    assert (found.frames, found.delays) == (pixels.frames, pixels.delays)
    assert found.bands == pixels.bands or not found.has_alpha


def test_a_flat_image_keeps_its_colour() -> None:
    for value in range(256):
        flat = np.full((9, 12, 3), value, np.uint8)
        assert (small(flat, 5, 4) == value).all(), value


def test_black_and_white_mix_to_half_of_the_light() -> None:
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    assert (small(board[..., np.newaxis], 16, 16) == 188).all()


def test_a_photograph_is_that_of_a_float_reference() -> None:
    samples = photograph(320, 240).samples[0]
    light = np.where(samples <= 10, samples / 3294.6, ((samples / 255 + 0.055) / 1.055) ** 2.4)
    reference = np.stack(
        [
            np.asarray(
                Image.fromarray(light[..., band].astype(np.float32)).resize(
                    (160, 120), Image.Resampling.LANCZOS
                )
            )
            for band in range(3)
        ],
        axis=-1,
    ).clip(0, 1)
    expected = 255 * np.where(
        reference <= 0.0031308, 12.92 * reference, 1.055 * reference ** (1 / 2.4) - 0.055
    )
    assert np.abs(small(samples, 160, 120) - expected).mean() < 0.7


def test_hidden_colours_do_not_bleed_into_visible_ones() -> None:
    samples = np.zeros((64, 64, 4), np.uint8)
    samples[...] = (255, 0, 0, 0)
    samples[:, 32:] = (0, 0, 255, 255)
    found = small(samples, 15, 15)
    visible = found[found[..., 3] > 8]
    assert visible.size and (visible[:, 0] < 8).all() and (visible[:, 2] > 247).all()


def test_the_profile_and_the_loop_stay() -> None:
    pixels = Pixels(moving().samples, (80, 120, 200), plays=3, profile=b"profile")
    found = shrunk(pixels, 20, 10, unstopped)
    assert found.profile == b"profile"
    assert found.image.get("loop") == 3


def test_it_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as libvips reports progress for the first time."""
    stops: list[Callable[[], None]] = []
    usual = pyvips.Image.set_progress

    @contextmanager
    def stoppable(stop: Callable[[], None]) -> Iterator[None]:
        stops.append(stop)
        yield

    def observed(image: pyvips.Image, on: bool) -> None:
        usual(image, on)
        image.signal_connect("eval", lambda *_: stops[0]())

    monkeypatch.setattr(pyvips.Image, "set_progress", observed)
    noise = np.random.default_rng(0).integers(0, 256, (1, 1000, 1000, 3), np.uint8)
    with pytest.raises(pyvips.Error, match="killed"):
        shrunk(Pixels(noise), 500, 500, stoppable)
