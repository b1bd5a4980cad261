"""Small corpora, made of photographs that scikit-image ships."""

from __future__ import annotations

from pathlib import Path

from tests.photos import crop

PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "camera.png", "moon.png")
GRAPHICS = ("text.png", "page.png", "logo.png", "color.png", "coins.png", "brick.png")


def corpus(folder: Path, each: int = 6, width: int = 56, height: int = 48) -> Path:
    """`each` photographs and as many graphics, the middle of each, in folders of their own."""
    for kind, names in (("photos", PHOTOS), ("graphics", GRAPHICS)):
        (folder / kind).mkdir(parents=True)
        for name in names[:each]:
            (folder / kind / name).with_suffix(".png").write_bytes(crop(name, width, height))
    return folder
