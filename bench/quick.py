"""Images that anybody has: pieces of the photographs that scikit-image ships."""

from __future__ import annotations

from pathlib import Path

from tests.photos import crop

PIECES = (
    ("astronaut.png", 416, 312),
    ("chelsea.png", 384, 256),
    ("coffee.png", 448, 320),
    ("motorcycle_left.png", 448, 320),
)


def photographs(folder: Path) -> list[Path]:
    """Write the pieces to a folder; their paths."""
    paths = []
    for name, width, height in PIECES:
        path = folder / name
        path.write_bytes(crop(name, width, height))
        paths.append(path)
    return paths
