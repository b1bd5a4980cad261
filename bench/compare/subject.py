"""An image as every tool gets it: the same bytes, in a form that simple tools can read."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyvips
from PIL import Image

from autoquality_core.images import ImageLimits, Pixels, open_image
from autoquality_core.metrics import DSSIM, Metric
from autoquality_train.corpus.samples import decode, digest_of

LIMITS = ImageLimits(2**30, 2**30)
PLAIN = {"png": ".png", "jpeg": ".jpg"}


@dataclass(frozen=True)
class Subject:
    """One image. `source` is its file, opaque, upright, 8-bit and without a colour profile."""

    name: str
    source: bytes
    suffix: str
    pixels: Pixels
    folder: Path

    @property
    def megapixels(self) -> float:
        return self.pixels.width * self.pixels.height / 1e6

    @cached_property
    def digest(self) -> str:
        """A name for the pixels."""
        return digest_of(self.pixels)

    @cached_property
    def file(self) -> str:
        """The source as a file, for commands."""
        path = self.folder / f"{self.digest}{self.suffix}"
        path.write_bytes(self.source)
        return str(path)

    @cached_property
    def jpeg_file(self) -> str:
        """The source as a JPEG of quality 98, for tools that read only JPEG."""
        path = self.folder / f"{self.digest}.source.jpg"
        path.write_bytes(self.pixels.image.jpegsave_buffer(Q=98, subsample_mode="on", keep="none"))
        return str(path)

    def score(self, encoded: bytes, metric: Metric = DSSIM) -> float:
        """The exact score of an encoded file."""
        found = open_image(encoded, LIMITS).decode(all_frames=False)
        return metric.compare(self.pixels, found)


def load(path: Path, folder: Path) -> Subject:
    """An image file as a subject, converted to PNG if necessary. Raises InvalidImage."""
    source = path.read_bytes()
    pixels = decode(path)
    suffix = _plain(source)
    if suffix is None:
        image: pyvips.Image = pixels.image
        source, suffix = bytes(image.pngsave_buffer(compression=1, keep="none")), ".png"
    return Subject(path.name, source, suffix, pixels, folder)


def _plain(source: bytes) -> str | None:
    """The suffix of a file that every tool reads in the same way; None for any other."""
    opened = open_image(source, LIMITS)
    image = pyvips.Image.new_from_buffer(source, "")
    simple = (
        opened.format in PLAIN
        and not opened.has_alpha
        and opened.orientation == 1
        and image.format == "uchar"
        and image.interpretation in ("srgb", "b-w")
        and not image.get_typeof("icc-profile-data")
    )
    return PLAIN[opened.format] if simple else None


def opened_by_pillow(source: bytes) -> Image.Image:
    """A subject's source, opened by Pillow."""
    image = Image.open(io.BytesIO(source))
    return image if image.mode in ("L", "RGB") else image.convert("RGB")
