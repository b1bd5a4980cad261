"""The samples of a corpus: native pixels cut from its images, as encoders would be given them.

An image file is no good sample by itself: what was a JPEG has been through a
quantiser and is shrunk at least twice before it counts as clean, a photograph
of twenty megapixels holds several pictures, and one of twenty is as much of a
picture as another. So every image gives one or more samples of at most SIDE x
SIDE pixels, cut out after shrinking by a factor drawn at random. The draw
depends on nothing but the file's bytes and the seed.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.images import ImageLimits, Pixels, from_raw, open_image
from autoquality_core.types import RawSource
from autoquality_train.headers import extent

SIDE = 448
"""Pixels a side of the largest sample."""

MIDDLE = 160
"""Pixels a side of the middle that stands for a thumbnail."""

WHOLE = 1.5e6
"""The most pixels that are judged of an image."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
LOSSY = frozenset({".jpg", ".jpeg", ".webp"})
RECOMPRESSED = 0.08
"""The share of lossy sources that also give a sample as they are: real traffic has those."""

_LIMITS = ImageLimits(2**30, 2**30)
_PLENTY = 2.0e6
"""Pixels from which on an image gives one more sample, and another for each as many again."""
_MOST = 5
_LEAST_SIDE = 16
"""Pixels; what is narrower, AVIF cannot hold."""

LeftOut = Callable[[Path, str], None]
"""Told of each file that gives no sample, and why."""


def nobody(_path: Path, _why: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One piece of one image: shrunk by `shrink`, then cut at (left, top); in pixels.

    `kind` is the folder of the corpus that the image lies in; `clean` is false
    where a lossy file was not shrunk.
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
        """The file that the sample is a piece of; samples of one group are alike."""
        return str(self.path)

    def middle(self) -> Sample:
        """The middle of this sample, MIDDLE pixels a side: thumbnails behave otherwise."""
        across, down = min(MIDDLE, self.width), min(MIDDLE, self.height)
        left = self.left + (self.width - across) // 2
        top = self.top + (self.height - down) // 2
        return replace(self, left=left, top=top, width=across, height=down)

    def pixels(self) -> Pixels:
        """The sample itself, alpha over white. Raises pyvips.Error, InvalidImage or OSError."""
        image = decode(self.path).image
        if self.shrink > 1:
            image = image.resize(1 / self.shrink)
        piece: pyvips.Image = image.crop(self.left, self.top, self.width, self.height)
        raw = RawSource(self.width, self.height, piece.bands, piece.write_to_memory())
        return from_raw(raw, _LIMITS)


def decode(path: Path) -> Pixels:
    """The first frame of an image file, alpha laid over white. Raises InvalidImage, OSError."""
    pixels = open_image(path.read_bytes(), _LIMITS).decode(all_frames=False)
    return pixels.flattened((255, 255, 255)) if pixels.has_alpha else pixels


def images_in(given: Iterable[Path]) -> list[Path]:
    """The image files among `given`, folders searched."""
    found = [path for one in given for path in (one.rglob("*") if one.is_dir() else [one])]
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES)


def samples_of(folder: Path, *, seed: int = 1, left_out: LeftOut = nobody) -> list[Sample]:
    """Every sample of a corpus: a folder of images, perhaps of folders, one a kind."""
    return [
        sample
        for path, size in _measured([folder], left_out)
        for sample in _cut(path, _kind(path, folder), size, seed)
    ]


def wholes_in(given: Iterable[Path], *, left_out: LeftOut = nobody) -> list[Sample]:
    """The images among `given`, folders searched, as they are: those that networks are judged by.

    Of an image of more than WHOLE pixels the middle is taken. The order is that
    of `given`; `kind` is the folder that an image lies in.
    """
    found = []
    for one in given:
        for path, (width, height) in _measured([one], left_out):
            part = min(1.0, (WHOLE / (width * height)) ** 0.5)
            across, down = int(width * part), int(height * part)
            left, top = (width - across) // 2, (height - down) // 2
            found.append(Sample(path, path.parent.name, 1.0, left, top, across, down))
    return found


def _measured(given: Iterable[Path], left_out: LeftOut) -> Iterator[tuple[Path, tuple[int, int]]]:
    for path in images_in(given):
        size = extent(path)
        if size is None:
            left_out(path, "not an image that can be read")
        elif min(size) < _LEAST_SIDE:
            left_out(path, f"{size[0]}x{size[1]} pixels: a side is shorter than {_LEAST_SIDE}")
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
    count = min(_MOST, 1 + int(size[0] * size[1] / (least * least) / _PLENTY * 4))
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
    # A pixel less than libvips may round to, lest a window reach over the edge.
    width, height = (max(1, int(side / shrink - (shrink > 1))) for side in size)
    across, down = min(SIDE, width), min(SIDE, height)
    left, top = rng.randint(0, width - across), rng.randint(0, height - down)
    return Sample(path, kind, shrink, left, top, across, down, clean)


def digest_of(pixels: Pixels) -> str:
    """A name for a sample's pixels: the same pixels, the same name."""
    samples: npt.NDArray[np.uint8] = pixels.samples
    told = hashlib.sha256(repr(samples.shape).encode())
    told.update(samples.tobytes())
    return told.hexdigest()[:24]
