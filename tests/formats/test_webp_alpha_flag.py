"""Transparent animations stay transparent in every reader."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from autoquality_core.formats import WebpEncoder, WebpOptions
from autoquality_core.images import Pixels, open_image
from tests.browser import shown
from tests.images.files import AMPLE

SIDE = 64
RED = (200, 30, 30)
PAGE = (0, 160, 80)
OUTSIDE, INSIDE = (4, 4), (32, 32)
"""Rows and columns that no frame covers, and that every frame covers."""


def rectangles(count: int) -> list[npt.NDArray[np.uint8]]:
    """Frames with an opaque red square each, on a transparent canvas."""
    frames = []
    for at in range(count):
        frame = np.zeros((SIDE, SIDE, 4), np.uint8)
        frame[16 + 4 * at : 44 + 4 * at, 16:44] = (*RED, 255)
        frames.append(frame)
    return frames


def gif(count: int) -> bytes:
    """A GIF whose frames are the opaque squares alone."""
    first, *others = [Image.fromarray(frame) for frame in rectangles(count)]
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=200, disposal=2)
    return file.getvalue()


def as_webp(source: bytes, effort: int = 4) -> bytes:
    pixels = open_image(source, AMPLE).decode(all_frames=True)
    return WebpEncoder(WebpOptions(effort=effort)).encode(pixels, 80)


def flags(data: bytes) -> int:
    """Those of the chunk VP8X."""
    assert data[12:16] == b"VP8X"
    return data[20]


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("effort", [2, 4])
def test_pillow_sees_what_is_transparent(frames: int, effort: int) -> None:
    image = Image.open(io.BytesIO(as_webp(gif(frames), effort)))
    assert getattr(image, "n_frames", 1) == frames
    for at in range(frames):
        image.seek(at)
        samples = np.asarray(image.convert("RGBA"))
        assert samples[OUTSIDE][3] == 0
        assert samples[INSIDE].tolist() == pytest.approx([*RED, 255], abs=10)


@pytest.mark.parametrize("frames", [1, 3])
def test_chromium_shows_the_page_through_what_is_transparent(tmp_path: Path, frames: int) -> None:
    file = tmp_path / "squares.webp"
    file.write_bytes(as_webp(gif(frames)))
    samples = shown(file, SIDE, SIDE, PAGE)
    assert tuple(samples[OUTSIDE]) == PAGE
    assert samples[INSIDE].tolist() == pytest.approx(RED, abs=10)


def test_the_flag_is_set_where_no_frame_has_an_alpha_channel() -> None:
    """Otherwise the tests above would show nothing."""
    data = as_webp(gif(3))
    assert data.count(b"ANMF") == 3 and data.count(b"ALPH") == 0
    assert flags(data) == 0x12


def test_other_animations_are_left_as_the_encoder_marks_them() -> None:
    frames = np.stack(rectangles(2))
    translucent = frames.copy()
    translucent[..., 3] //= 2
    codec = WebpEncoder()
    for samples in (frames[..., :3], translucent):
        pixels = Pixels(samples, (100, 100))
        plain = codec.by_libvips(pixels, 80)
        assert codec.encode(pixels, 80) == plain
