"""Pictures of any size: a photograph that scikit-image ships, laid side by side."""

from __future__ import annotations

import math

import pyvips

from tests.photos import photo_path


def picture(megapixels: float, quality: int = 90) -> tuple[bytes, float]:
    """A JPEG of so many megapixels (3:2) and how many they are.

    Below the photograph's own size its middle is taken, above it the
    photograph is repeated: the detail by pixel, which costs depend on, stays.
    """
    photo = pyvips.Image.new_from_file(str(photo_path("coffee.png")))
    height = max(16, round(math.sqrt(megapixels * 1e6 / 1.5)))
    width = max(16, round(height * 1.5))
    across, down = -(-width // photo.width), -(-height // photo.height)
    image = photo.replicate(across, down)
    image = image.crop((image.width - width) // 2, (image.height - height) // 2, width, height)
    return bytes(image.jpegsave_buffer(Q=quality)), width * height / 1e6
