"""The images of a corpus."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"}


def images_in(given: Iterable[Path]) -> list[Path]:
    """The image files among `given`, folders searched."""
    found = [path for one in given for path in (one.rglob("*") if one.is_dir() else [one])]
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES)
