"""Test images, made of photographs from scikit-image."""

from __future__ import annotations

import math
from pathlib import Path

import pyvips

from tests.photos import crop, photo_path

PIECES = (
    ("astronaut.png", 416, 312),
    ("chelsea.png", 384, 256),
    ("coffee.png", 448, 320),
    ("motorcycle_left.png", 448, 320),
)


def photograph(megapixels: float, quality: int = 90) -> tuple[bytes, float]:
    """A JPEG of about this size (3:2), and its exact megapixels.

    It is the middle of a photograph, which is repeated if it is too small. So the detail per
    pixel, which costs depend on, is the same at every size.
    """
    photo = pyvips.Image.new_from_file(str(photo_path("coffee.png")))
    height = max(16, round(math.sqrt(megapixels * 1e6 / 1.5)))
    width = max(16, round(height * 1.5))
    across, down = -(-width // photo.width), -(-height // photo.height)
    image = photo.replicate(across, down)
    image = image.crop((image.width - width) // 2, (image.height - height) // 2, width, height)
    return bytes(image.jpegsave_buffer(Q=quality)), width * height / 1e6


def quick_photographs(folder: Path) -> list[Path]:
    """Write four small pieces of photographs to a folder; returns their paths."""
    paths = []
    for name, width, height in PIECES:
        path = folder / name
        path.write_bytes(crop(name, width, height))
        paths.append(path)
    return paths
