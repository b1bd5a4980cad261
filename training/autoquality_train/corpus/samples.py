"""The samples of a corpus: pieces cut from its images, like those that encoders get.

A whole image file is a poor sample. A JPEG has been quantised, and counts as clean only after
shrinking to half its size or less. A photograph of 20 megapixels shows several things, but should
not count more than one of 20 kilopixels. So each image gives one or more samples of at most
SIDE x SIDE pixels, cut out after shrinking by a random factor. Everything random depends only on
the file's bytes and the seed.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.errors import InvalidImage
from autoquality_core.images import ImageLimits, Pixels, from_raw, open_image
from autoquality_core.images.orientation import swaps_sides
from autoquality_core.priors import USUAL_SIDE
from autoquality_core.types import RawSource

SIDE = USUAL_SIDE
"""Pixels a side of the largest sample."""

MIDDLE = 160
"""Pixels a side of the middle of a sample. It stands for a thumbnail, which has other curves."""

WHOLE = 1.5e6
"""The most pixels of an image that are judged."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
LOSSY = frozenset({".jpg", ".jpeg", ".webp"})
RECOMPRESSED = 0.08
"""The share of lossy sources that also give a sample without shrinking, as in real traffic."""

_LIMITS = ImageLimits(2**30, 2**30)
_PIXELS_PER_SAMPLE = 5e5
"""An image gives one more sample for each as many pixels, counted after the least shrinking."""
_MOST = 5
_LEAST_SIDE = 16
"""Pixels; AVIF cannot hold less."""

Skipped = tuple[Path, str]
"""A file that gives no sample, and why."""

OnSkip = Callable[[Skipped], object]


class UnreadableImage(Exception):
    """The image cannot be decoded; `str` is one line that says why."""


def ignore(_: Skipped) -> None:
    """Do nothing about a skipped file."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One piece of one image, shrunk by `shrink`, then cut at (left, top); in pixels.

    `kind` is the name of the image's folder in the corpus. `clean` is False if a lossy file was
    not shrunk.
    """

    path: Path
    kind: str
    shrink: float
    left: int
    top: int
    width: int
    height: int
    clean: bool = True

    @property
    def group(self) -> str:
        """The file of the sample. Samples of one group resemble each other."""
        return str(self.path)

    def middle(self, side: int = MIDDLE) -> Sample:
        """The middle of this sample, `side` pixels a side."""
        across, down = min(side, self.width), min(side, self.height)
        left = self.left + (self.width - across) // 2
        top = self.top + (self.height - down) // 2
        return replace(self, left=left, top=top, width=across, height=down)

    def pixels(self) -> Pixels:
        """The pixels, alpha composited over white. Raises UnreadableImage."""
        try:
            image = decode(self.path).image
            if self.shrink > 1:
                image = image.resize(1 / self.shrink)
            piece: pyvips.Image = image.crop(self.left, self.top, self.width, self.height)
            raw = RawSource(self.width, self.height, piece.bands, piece.write_to_memory())
            return from_raw(raw)
        except (InvalidImage, pyvips.Error, OSError) as error:
            raise UnreadableImage(" ".join(str(error).split())) from error


def decode(path: Path) -> Pixels:
    """The first frame of an image file, alpha composited over white.

    Raises InvalidImage or OSError.
    """
    pixels = open_image(path.read_bytes(), _LIMITS).decode(all_frames=False)
    return pixels.flattened((255, 255, 255)) if pixels.has_alpha else pixels


def displayed_size(path: Path) -> tuple[int, int] | None:
    """Width and height of an image in pixels, upright; None for a file that is no image."""
    try:
        # As bytes, because a name need not be UTF-8.
        source = pyvips.Source.new_from_file(os.fsencode(path))
        image = pyvips.Image.new_from_source(source, "")
    except pyvips.Error:
        return None
    turned = image.get_typeof("orientation") and swaps_sides(image.get("orientation"))
    return (image.height, image.width) if turned else (image.width, image.height)


def images_in(given: Iterable[Path]) -> list[Path]:
    """The image files among `given` and in the folders among them, sorted."""
    found = [path for one in given for path in (one.rglob("*") if one.is_dir() else [one])]
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES)


def samples_of(folder: Path, *, seed: int = 1, on_skip: OnSkip = ignore) -> list[Sample]:
    """Every sample of a corpus: a folder of images, or of one folder for each kind."""
    return [
        sample
        for path, size in _measured([folder], on_skip)
        for sample in _cut(path, _kind(path, folder), size, seed)
    ]


def whole_images(given: Iterable[Path], *, on_skip: OnSkip = ignore) -> list[Sample]:
    """The images among `given` and in its folders, uncut, to judge networks by.

    Of an image with more than WHOLE pixels, the middle is taken. The order is that of `given`;
    `kind` is the name of the image's folder.
    """
    found = []
    for one in given:
        for path, (width, height) in _measured([one], on_skip):
            part = min(1.0, (WHOLE / (width * height)) ** 0.5)
            across, down = int(width * part), int(height * part)
            left, top = (width - across) // 2, (height - down) // 2
            found.append(Sample(path, path.parent.name, 1.0, left, top, across, down))
    return found


def digest_of(pixels: Pixels) -> str:
    """A name for a sample's pixels: equal pixels have equal names."""
    samples: npt.NDArray[np.uint8] = pixels.samples
    digest = hashlib.sha256(repr(samples.shape).encode())
    digest.update(samples.tobytes())
    return digest.hexdigest()[:24]


def _measured(given: Iterable[Path], on_skip: OnSkip) -> Iterator[tuple[Path, tuple[int, int]]]:
    for path in images_in(given):
        size = displayed_size(path)
        if size is None:
            on_skip((path, "not a readable image"))
        elif min(size) < _LEAST_SIDE:
            on_skip((path, f"{size[0]}x{size[1]} pixels: a side is shorter than {_LEAST_SIDE}"))
        else:
            yield path, size


def _kind(path: Path, folder: Path) -> str:
    return path.relative_to(folder).parts[0] if path.parent != folder else folder.name


def _cut(path: Path, kind: str, size: tuple[int, int], seed: int) -> list[Sample]:
    digest = hashlib.sha256(path.read_bytes() + str(seed).encode()).digest()
    rng = random.Random(digest)
    lossy = path.suffix.lower() in LOSSY
    least = 2.0 if lossy else 1.0
    most = max(least, min(size) / SIDE)
    count = min(_MOST, 1 + int(size[0] * size[1] / (least * least) / _PIXELS_PER_SAMPLE))
    drawn = []
    for index in range(count):
        # Spread over the scales, from whole scenes to native detail.
        part = (index + rng.random()) / count
        drawn.append(_window(path, kind, size, least * (most / least) ** part, rng))
    if lossy and rng.random() < RECOMPRESSED:
        drawn.append(_window(path, kind, size, 1.0, rng, clean=False))
    return drawn


def _window(
    path: Path,
    kind: str,
    size: tuple[int, int],
    shrink: float,
    rng: random.Random,
    *,
    clean: bool = True,
) -> Sample:
    # libvips may round down, so a pixel is left out at the edge.
    width, height = (max(1, int(side / shrink - (shrink > 1))) for side in size)
    across, down = min(SIDE, width), min(SIDE, height)
    left, top = rng.randint(0, width - across), rng.randint(0, height - down)
    return Sample(path, kind, shrink, left, top, across, down, clean)
