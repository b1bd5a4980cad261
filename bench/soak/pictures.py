"""The sources: photographs of 0.01 to several megapixels in many formats, and invalid files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from autoquality import RawImage
from autoquality_train.corpus.samples import images_in

PHOTOGRAPHS = ("coffee.png", "astronaut.png", "chelsea.png", "rocket.jpg")
SIZES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 6.0)
"""Megapixels. Large images are JPEGs, as in real traffic."""

SMALL = 0.35
"""Megapixels. Smaller pictures are sent in every format, and their results are measured again."""


@dataclass(frozen=True)
class Picture:
    """A source; with `good`, the answer must be an image."""

    name: str
    source: bytes | RawImage = field(repr=False)
    megapixels: float
    good: bool = True

    @property
    def file(self) -> bytes | None:
        """The bytes of a file; None for bare pixels."""
        return self.source if isinstance(self.source, bytes) else None


def pictures(largest: float, folders: Iterable[Path] = ()) -> list[Picture]:
    """All sources: ours up to `largest` megapixels, and the images in `folders` unchanged."""
    found = [*_photographs(largest), *_bad()]
    for path in images_in(folders):
        image = Image.open(path)
        found.append(Picture(path.name, path.read_bytes(), image.width * image.height / 1e6))
    return found


def _photographs(largest: float) -> Iterator[Picture]:
    folder = Path(skimage.data.__file__).parent
    for number, megapixels in enumerate(size for size in SIZES if size <= largest):
        name = PHOTOGRAPHS[number % len(PHOTOGRAPHS)]
        photograph = _scaled(Image.open(folder / name).convert("RGB"), megapixels)
        real = photograph.width * photograph.height / 1e6
        label = f"{Path(name).stem}-{megapixels:g}"
        yield Picture(f"{label}.jpg", _saved(photograph, "JPEG", quality=92), real)
        if megapixels > SMALL:
            continue
        for kind in ("PNG", "WEBP", "AVIF", "TIFF"):
            yield Picture(f"{label}.{kind.lower()}", _saved(photograph, kind), real)
        yield Picture(f"{label}.alpha.png", _saved(_faded(photograph), "PNG"), real)
        yield Picture(f"{label}.raw", RawImage.from_array(np.asarray(photograph)), real)
        yield Picture(f"{label}.gif", _film(photograph, 5), 5 * real)


def _bad() -> Iterator[Picture]:
    """Files without a valid image."""
    picture = Image.new("RGB", (640, 480), (90, 120, 30))
    png, jpeg = _saved(picture, "PNG"), _saved(picture, "JPEG")
    giant = bytearray(jpeg)
    at = giant.index(b"\xff\xc0") + 5
    giant[at : at + 4] = b"\xff\xdc\xff\xdc"
    for name, data in {
        "cut.png": png[: len(png) // 2],
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "bomb.jpg": bytes(giant),
        "text.txt": b"no image at all",
        "vector.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "noise.webp": b"RIFF\xff\0\0\0WEBP" + bytes(range(256)),
    }.items():
        yield Picture(name, data, 0.0, good=False)


def _scaled(image: Image.Image, megapixels: float) -> Image.Image:
    factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = (max(16, round(image.width * factor)), max(16, round(image.height * factor)))
    scaled = image.resize(size, Image.Resampling.LANCZOS)
    scaled.info.clear()  # without the profile, which decoders apply differently
    return scaled


def _faded(image: Image.Image) -> Image.Image:
    """An image with an alpha that rises to the right."""
    ramp = np.linspace(0, 255, image.width, dtype=np.uint8)
    faded = image.copy()
    faded.putalpha(Image.fromarray(np.tile(ramp, (image.height, 1))))
    return faded


def _film(image: Image.Image, frames: int) -> bytes:
    turned = [Image.fromarray(np.roll(np.asarray(image), 7 * n, axis=1)) for n in range(frames)]
    return _saved(turned[0], "GIF", save_all=True, append_images=turned[1:], duration=80)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
