"""GIFs with parts that no frame draws on, or that are cleared: the page shows there."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from autoquality_core.errors import InvalidImage
from autoquality_core.images import Pixels, open_image
from tests.browser import frames_shown
from tests.images.files import AMPLE
from tests.images.films import GifFrame, gif

SIDES = (12, 8)
PAGE = (40, 90, 200)
PALETTE = ((200, 30, 30), (30, 200, 30), (250, 250, 30), (0, 0, 0))
WHOLE = GifFrame(SIDES, 0)
KEEP, CLEAR, RESTORE = 1, 2, 3

FILMS = {
    "a first frame smaller than the image": (GifFrame((5, 4), 0, 3, 2), GifFrame((4, 4), 1, 8, 4)),
    "cleared": (
        GifFrame(SIDES, 0, disposal=CLEAR),
        GifFrame((4, 4), 1, 8, 4, disposal=CLEAR),
        GifFrame((5, 4), 2, 3, 2, disposal=KEEP),
        GifFrame((2, 2), 1, 3, 2),
    ),
    "cleared next to a transparent colour": (
        GifFrame(SIDES, 0),
        GifFrame((4, 4), 1, 8, 4, disposal=CLEAR),
        GifFrame((9, 3), 2, 1, 1, disposal=RESTORE, transparent=3),
        GifFrame((9, 7), 3, 1, 1, transparent=3),
    ),
    "nothing to restore": (GifFrame(SIDES, 0, disposal=RESTORE), GifFrame((4, 4), 1, 8, 4)),
}


def decoded(data: bytes) -> Pixels:
    return open_image(data, AMPLE).decode(all_frames=True)


@pytest.mark.parametrize("name", FILMS)
def test_holes_are_transparent(name: str, tmp_path: Path) -> None:
    frames = FILMS[name]
    file = tmp_path / "film.gif"
    file.write_bytes(gif(SIDES, frames, PALETTE))
    source = open_image(file.read_bytes(), AMPLE)
    pixels = decoded(file.read_bytes())
    assert source.has_alpha and pixels.has_alpha
    assert pixels.delays == (70,) * len(frames)
    alpha = pixels.samples[..., 3:] / 255
    over_page = pixels.samples[..., :3] * alpha + np.array(PAGE) * (1 - alpha)
    seen = frames_shown(file, "image/gif", len(frames), *SIDES, PAGE)
    assert np.array_equal(over_page, seen)


def test_a_still_may_be_smaller_than_its_image() -> None:
    expected = np.zeros((1, 8, 12, 4), np.uint8)
    expected[0, 2:6, 3:8] = (*PALETTE[0], 255)
    assert np.array_equal(
        decoded(gif(SIDES, [GifFrame((5, 4), 0, 3, 2)], PALETTE)).samples, expected
    )


@pytest.mark.parametrize(
    "frames",
    [
        (WHOLE, GifFrame((4, 4), 1, 8, 4)),
        (GifFrame(SIDES, 0, disposal=CLEAR), GifFrame(SIDES, 1, disposal=CLEAR)),
        (WHOLE, GifFrame((4, 4), 1, 8, 4, disposal=CLEAR)),
        (GifFrame((5, 4), 0, 3, 2), GifFrame((4, 4), 1, 9, 6)),
        (GifFrame((5, 4), 0, 3, 2), GifFrame((4, 4), 3, 8, 4, transparent=3)),
    ],
    ids=["kept", "covered", "nothing follows", "beyond the image", "a transparent colour"],
)
def test_other_files_are_left_to_libvips(frames: tuple[GifFrame, ...]) -> None:
    assert open_image(gif(SIDES, frames, PALETTE), AMPLE).animation is None


def test_a_file_that_ends_too_early_is_left_to_libvips() -> None:
    data = gif(SIDES, FILMS["cleared"], PALETTE)
    for length in range(60, len(data)):
        with suppress(InvalidImage):
            assert open_image(data[:length], AMPLE).animation is None
