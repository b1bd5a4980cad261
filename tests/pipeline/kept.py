"""Encodes files with metadata, and reads the remaining metadata with other libraries.

Also what several tests of requests need: the codes of notices, and short deadlines.
"""

from __future__ import annotations

import io

import numpy as np
import pyvips
from PIL import Image

from autoquality_core.formats import EncoderOptions, with_metadata
from autoquality_core.images import ImageLimits, Metadata, open_image
from autoquality_core.images.jxl.container import read_container
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.session import RETURN_SECONDS
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, NoticeCode
from autoquality_core.types import TargetSpec as Specs
from tests.images.jxl_files import SIGNATURE
from tests.images.metadata_files import (
    ARTIST,
    COPYRIGHT,
)

PIPELINE = Pipeline(Defaults(), ImageLimits(2**26, 50_000_000))
NOTHING = EncoderOptions(keep_copyright=False)
EVERYTHING = EncoderOptions(keep_metadata=True)


def encode(source: bytes, fmt: Format, options: EncoderOptions | None = None) -> EncodeResult:
    return PIPELINE.encode(
        EncodeJob(source, fmt, Specs(), None, options or EncoderOptions()), Deadline()
    )


def known(data: bytes) -> bytes:
    """A file that Pillow and libvips read: a PNG with the pixels and the boxes of a JPEG XL."""
    if not data.startswith((SIGNATURE, b"\xff\n")):
        return data
    container = read_container(data)
    film = open_image(data, PIPELINE.limits).decode(all_frames=True).samples
    first, *rest = (Image.fromarray(np.squeeze(frame)) for frame in film)
    file = io.BytesIO()
    more = {"save_all": True, "append_images": rest} if rest else {}
    first.save(file, "PNG", exif=container.blocks.exif[4:], **more)
    return with_metadata(Format.PNG, file.getvalue(), Metadata(xmp=container.blocks.xmp))


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(known(data)))
    image.load()
    return image


def exif_of(data: bytes) -> Image.Exif:
    return opened(data).getexif()


def texts_of(data: bytes) -> tuple[str, str]:
    """Author and copyright. Pillow reads bytes as Latin-1; they are UTF-8."""
    found = exif_of(data)
    author, notice = (str(found.get(tag, "")) for tag in (ARTIST, COPYRIGHT))
    return author.encode("latin-1").decode(), notice.encode("latin-1").decode()


def xmp_of(data: bytes) -> bytes:
    fields = pyvips.Image.new_from_buffer(known(data), "")
    return bytes(fields.get("xmp-data")) if fields.get_typeof("xmp-data") else b""


class Impatient(Deadline):
    """Has time for one encoding only."""

    def remaining(self) -> float:
        return 0.001


class Passing(Deadline):
    """Is far away for some questions, and then leaves no time for anything."""

    def __init__(self, questions: int) -> None:
        super().__init__(1000)
        self.calls, self.questions = 0, questions

    def remaining(self) -> float:
        self.calls += 1
        return 1000 if self.calls <= self.questions else RETURN_SECONDS / 2


def codes(result: EncodeResult) -> list[NoticeCode]:
    return [one.code for one in result.notices]
