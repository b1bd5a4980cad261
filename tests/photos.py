"""Photographs and other images that scikit-image ships, and images made by code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips
import skimage.data

_FOLDER = Path(skimage.data.__file__).parent


def photo_path(name: str) -> Path:
    """The path of a file that scikit-image ships, for example "coffee.png"."""
    path = _FOLDER / name
    assert path.is_file(), f"scikit-image no longer ships {name}"
    return path


def photo(name: str) -> bytes:
    """The bytes of a file that scikit-image ships."""
    return photo_path(name).read_bytes()


def crop(name: str, width: int, height: int) -> bytes:
    """The middle of a shipped photograph, as PNG."""
    image = pyvips.Image.new_from_file(str(photo_path(name)))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return bytes(image.crop(left, top, width, height).pngsave_buffer())


def with_alpha(width: int = 96, height: int = 64) -> bytes:
    """A PNG with a gradient of transparency over the middle of a photograph."""
    image = pyvips.Image.new_from_buffer(crop("coffee.png", width, height), "")
    ramp = np.tile(np.linspace(0, 255, width, dtype=np.uint8), (height, 1))
    return bytes(image.bandjoin(pyvips.Image.new_from_array(ramp)).pngsave_buffer())


def animation(frames: int = 4, side: int = 48) -> bytes:
    """A GIF of a square that moves."""
    pages = []
    for number in range(frames):
        page = np.full((side, side, 3), 200, np.uint8)
        page[8 : 8 + side // 3, 4 + 5 * number : 4 + 5 * number + side // 3] = (200, 30, 30)
        pages.append(pyvips.Image.new_from_array(page))
    joined = pyvips.Image.arrayjoin(pages, across=1).copy()
    joined.set_type(pyvips.GValue.gint_type, "page-height", side)
    joined.set_type(pyvips.GValue.array_int_type, "delay", [100] * frames)
    return bytes(joined.gifsave_buffer())
