"""Encodes files with metadata, and reads the remaining metadata with other libraries."""

from __future__ import annotations

import io

import pyvips
from PIL import Image

from autoquality_core.formats import EncoderOptions
from autoquality_core.images import ImageLimits
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, NoticeCode
from autoquality_core.types import TargetSpec as Specs
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


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
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
    fields = pyvips.Image.new_from_buffer(data, "")
    return bytes(fields.get("xmp-data")) if fields.get_typeof("xmp-data") else b""


def codes(result: EncodeResult) -> list[NoticeCode]:
    return [one.code for one in result.notices]
