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
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_server.domain import RawSource
from autoquality_server.image import ImageLimits, Pixels, from_raw, open_image
from autoquality_train.headers import extent

SIDE = 448
"""Pixels a side of the largest sample."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"})
LOSSY = frozenset({".jpg", ".jpeg", ".webp"})
RECOMPRESSED = 0.08
"""The share of lossy sources that also give a sample as they are: real traffic has those."""

_LIMITS = ImageLimits(2**30, 2**30)
_PLENTY = 2.0e6
"""Pixels from which on an image gives one more sample, and another for each as many again."""
_MOST = 5


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

    def pixels(self) -> Pixels:
        """The sample itself, alpha laid over white. Raises pyvips.Error or InvalidImage."""
        whole = open_image(self.path.read_bytes(), _LIMITS).decode(all_frames=False)
        if whole.has_alpha:
            whole = whole.flattened((255, 255, 255))
        image = whole.image
        if self.shrink > 1:
            image = image.resize(1 / self.shrink)
        piece: pyvips.Image = image.crop(self.left, self.top, self.width, self.height)
        raw = RawSource(self.width, self.height, piece.bands, piece.write_to_memory())
        return from_raw(raw, _LIMITS)


def images_in(given: Iterable[Path]) -> list[Path]:
    """The image files among `given`, folders searched."""
    found = [path for one in given for path in (one.rglob("*") if one.is_dir() else [one])]
    return sorted(path for path in found if path.suffix.lower() in SUFFIXES)


def samples_of(folder: Path, *, seed: int = 1) -> list[Sample]:
    """Every sample of a corpus: a folder of images, perhaps of folders, one a kind."""
    found: list[Sample] = []
    for path in images_in([folder]):
        size = extent(path)
        if size is not None:
            kind = path.relative_to(folder).parts[0] if path.parent != folder else "images"
            found.extend(_cut(path, kind, size, seed))
    return found


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
