"""What an image file's header says, without its pixels."""

from __future__ import annotations

from pathlib import Path

import pyvips


def extent(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels; None for a file that is no image."""
    try:
        image = pyvips.Image.new_from_file(str(path))
    except pyvips.Error:
        return None
    return image.width, image.height
