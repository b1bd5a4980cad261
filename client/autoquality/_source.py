"""What is to be encoded: its size, and its bytes as often as they are sent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoquality._convert import ImageFile, read_image
from autoquality._options import RawImage
from autoquality.v1 import encoding_pb2 as pb

CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Source:
    """An image file (in memory, or a regular file that stays where it is), or bare pixels."""

    data: bytes | bytearray | memoryview | Path
    size: int
    raw: RawImage | None = None

    def put_into(self, request: pb.EncodeRequest) -> None:
        """Make it the source of `request`, whole. Raises OSError."""
        if self.raw is None:
            request.image = read_image(self.data)
        else:
            raw = self.raw
            request.raw.CopyFrom(
                pb.RawImage(width=raw.width, height=raw.height, bands=raw.bands, pixels=raw.pixels)
            )

    def announce_in(self, request: pb.EncodeRequest) -> pb.EncodeStreamStart:
        """The start of a stream with `request`, of which the source follows in chunks."""
        if self.raw is not None:
            raw = self.raw
            request.raw.CopyFrom(pb.RawImage(width=raw.width, height=raw.height, bands=raw.bands))
        return pb.EncodeStreamStart(request=request, source_bytes=self.size)

    def chunks(self) -> Iterator[bytes]:
        """The bytes, from their beginning each time. Raises OSError."""
        if isinstance(self.data, Path):
            with self.data.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    yield chunk
            return
        view = memoryview(self.data).cast("B")
        for at in range(0, len(view), CHUNK_BYTES):
            yield bytes(view[at : at + CHUNK_BYTES])


def source_of(image: ImageFile | RawImage) -> Source:
    """What `image` is. Raises OSError for a path that cannot be read."""
    if isinstance(image, RawImage):
        return Source(image.pixels, len(image.pixels), image)
    if isinstance(image, memoryview) and not image.c_contiguous:
        image = bytes(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return Source(image, memoryview(image).nbytes)
    path = Path(os.fspath(image))
    if path.is_file():
        return Source(path, path.stat().st_size)
    data = read_image(path)  # a pipe can be read only once; what is not there raises here
    return Source(data, len(data))
