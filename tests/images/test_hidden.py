"""Replacing the colours of fully transparent pixels."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoquality_core.images import Pixels
from autoquality_core.images.hidden import with_black, with_continued_colours
from tests.formats.sources import moving, photograph

REPLACE = [with_continued_colours, with_black]


def cut_out(hidden: npt.NDArray[np.uint8], frames: int = 1) -> Pixels:
    """A photograph in a soft circle, surrounded by `hidden`; it moves to the right."""
    y, x = np.mgrid[0:64, 0:96]
    shown = photograph().samples[0]
    made = []
    for at in range(frames):
        alpha = np.clip(30 - np.hypot(x - 40 - 4 * at, y - 30), 0, 4) * 63.75
        colours = np.where(alpha[..., np.newaxis] < 1, hidden, shown)
        made.append(np.dstack([colours, np.where(alpha < 1, 0, alpha)]).astype(np.uint8))
    return Pixels(np.stack(made), (100,) * frames if frames > 1 else ())


def hidden_colours() -> list[npt.NDArray[np.uint8]]:
    """What editors leave: nothing, the photograph, noise, white."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    black = np.zeros_like(noise)
    return [black, photograph().samples[0], noise, ~black]


@pytest.mark.parametrize("replace", REPLACE)
@pytest.mark.parametrize("frames", [1, 3])
def test_the_result_does_not_depend_on_the_hidden_colours(replace, frames: int) -> None:
    found = [replace(cut_out(hidden, frames)) for hidden in hidden_colours()]
    for one in found:
        assert np.array_equal(one.samples, found[0].samples)
        assert (one.frames, one.delays) == (frames, cut_out(hidden_colours()[0], frames).delays)


@settings(deadline=None, max_examples=60)
@given(
    height=st.integers(1, 19), width=st.integers(1, 19), bands=st.sampled_from([2, 4]),
    seed=st.integers(0, 99), share=st.sampled_from([0.02, 0.5, 0.98]),
)  # fmt: skip
@pytest.mark.parametrize("replace", REPLACE)
def test_visible_pixels_and_alpha_are_unchanged(
    replace, height: int, width: int, bands: int, seed: int, share: float
) -> None:
    random = np.random.default_rng(seed)
    samples = random.integers(0, 256, (2, height, width, bands), np.uint8)
    samples[..., -1][random.random(samples.shape[:-1]) < share] = 0
    samples[0, 0, 0, -1] = 254  # else an alpha may be wholly opaque, and dropped
    before = samples.copy()
    pixels = Pixels(samples, (100, 100))
    found = replace(pixels).samples
    visible = before[..., -1] > 0
    assert np.array_equal(found[visible], before[visible])
    assert np.array_equal(found[..., -1], before[..., -1])
    assert np.array_equal(pixels.samples, before), "the source is not written to"


def test_colours_are_continued_smoothly() -> None:
    found = with_continued_colours(cut_out(hidden_colours()[2])).samples[0].astype(int)
    hidden = found[..., 3] == 0
    steps = np.abs(np.diff(found[..., :3], axis=1)).max(axis=-1)
    inside = hidden[:, 1:] & hidden[:, :-1]
    assert steps[inside].max() <= 24
    assert steps[inside].mean() < 3
    plain = np.full((1, 40, 40, 4), (200, 100, 50, 255), np.uint8)
    plain[0, :, 11:] = (9, 250, 9, 0)
    continued = with_continued_colours(Pixels(plain)).samples
    assert (continued[..., :3] == (200, 100, 50)).all()


def test_almost_transparent_pixels_have_little_weight() -> None:
    """Rounding has changed their colours the most."""
    samples = np.zeros((1, 8, 8, 4), np.uint8)
    samples[0, :, :4] = (200, 100, 50, 255)
    samples[0, :, 4] = (0, 255, 255, 1)
    found = with_continued_colours(Pixels(samples)).samples[0, :, 5:, :3]
    assert np.abs(found.astype(int) - (200, 100, 50)).max() < 10


def test_hidden_colours_become_black() -> None:
    found = with_black(cut_out(hidden_colours()[3])).samples
    assert (found[found[..., 3] == 0] == 0).all()


@pytest.mark.parametrize("replace", REPLACE)
def test_images_without_hidden_colours_are_not_copied(replace) -> None:
    for pixels in (photograph(), moving()):
        assert replace(pixels) is pixels
    translucent = Pixels(np.full((1, 9, 9, 4), 7, np.uint8))
    assert replace(translucent) is translucent


def test_a_fully_transparent_image_gets_one_colour() -> None:
    samples = np.random.default_rng(1).integers(0, 256, (1, 9, 7, 4), np.uint8)
    samples[..., 3] = 0
    assert (with_continued_colours(Pixels(samples)).samples == 0).all()


def test_the_result_is_the_same_on_every_machine() -> None:
    """It is computed in integers: the bytes of a file must not depend on the processor."""
    samples = np.arange(37 * 53 * 4, dtype=np.uint32).reshape(1, 37, 53, 4) * 2654435761 >> 24
    samples = samples.astype(np.uint8)
    samples[..., 3][samples[..., 3] < 200] = 0
    found = with_continued_colours(Pixels(samples)).samples
    assert hashlib.sha256(found.tobytes()).hexdigest()[:16] == "fa9aaed0cbcde9af"
