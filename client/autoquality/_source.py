"""The image to encode: its size, and its bytes for each attempt."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from autoquality._options import RawImage
from autoquality.v1 import encoding_pb2 as pb

ImageFile: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str]
"""An image file: its bytes, or its path."""

ImageSource: TypeAlias = ImageFile | RawImage
"""An image file (its bytes, or its path), or raw pixels."""

CHUNK_BYTES = 2**20


def read_image(image: ImageFile) -> bytes:
    """Return the bytes of an image file. Raises OSError for a path that cannot be read."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    return Path(image).read_bytes()


@dataclass(frozen=True, slots=True)
class Source:
    """An image file in memory or on disk, or raw pixels. A file on disk must not change."""

    data: bytes | bytearray | memoryview | Path
    size: int
    raw: RawImage | None = None

    def put_into(self, request: pb.EncodeRequest) -> None:
        """Set the whole source in `request`. Raises OSError."""
        if self.raw is None:
            request.image = read_image(self.data)
        else:
            self._put_shape_into(request)
            request.raw.pixels = self.raw.pixels

    def stream_start(self, request: pb.EncodeRequest) -> pb.EncodeStreamStart:
        """Return the start of a stream with `request`. The source follows in chunks."""
        self._put_shape_into(request)
        return pb.EncodeStreamStart(request=request, source_bytes=self.size)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes from the beginning. Raises OSError."""
        if isinstance(self.data, Path):
            with self.data.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
            return
        view = memoryview(self.data).cast("B")
        for start in range(0, len(view), CHUNK_BYTES):
            yield bytes(view[start : start + CHUNK_BYTES])

    def _put_shape_into(self, request: pb.EncodeRequest) -> None:
        if self.raw is not None:
            raw = self.raw
            request.raw.CopyFrom(pb.RawImage(width=raw.width, height=raw.height, bands=raw.bands))


def source_of(image: ImageSource) -> Source:
    """Return the source of an image. Raises OSError for an unreadable path."""
    if isinstance(image, RawImage):
        return Source(image.pixels, len(image.pixels), image)
    if isinstance(image, memoryview) and not image.c_contiguous:
        image = bytes(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return Source(image, memoryview(image).nbytes)
    path = Path(os.fspath(image))
    if path.is_file():
        return Source(path, path.stat().st_size)
    data = read_image(path)  # a pipe can be read only once, and a missing file raises here
    return Source(data, len(data))
