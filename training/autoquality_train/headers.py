"""What an image file's header says, without its pixels."""

from __future__ import annotations

from pathlib import Path

import pyvips

from autoquality_core.images.orientation import swaps_sides


def extent(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels as it is meant to be seen; None for a file that is no image."""
    try:
        image = pyvips.Image.new_from_file(str(path))
    except pyvips.Error:
        return None
    turned = image.get_typeof("orientation") and swaps_sides(image.get("orientation"))
    return (image.height, image.width) if turned else (image.width, image.height)
