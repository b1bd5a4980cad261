"""The image to encode: its size, and its bytes for each attempt."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from autoquality._options import RawImage
from autoquality.v1 import encoding_pb2 as pb


class BinaryFile(Protocol):
    """A file object in binary mode. It need not be seekable."""

    def read(self) -> bytes:
        """Return the bytes from the current position to the end."""


ImageFile: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str] | BinaryFile
"""An image file: its bytes, its path, or an open binary file."""

ImageSource: TypeAlias = ImageFile | RawImage
"""An image file, or raw pixels."""

CHUNK_BYTES = 2**20


def read_image(image: ImageFile) -> bytes:
    """Return the bytes of an image file.

    Raises OSError for a file that cannot be read, TypeError for what is not a file, ValueError
    for an open file at its end.
    """
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if isinstance(image, (str, os.PathLike)):
        return Path(image).read_bytes()
    if not hasattr(image, "read"):
        raise TypeError(
            "an image must be bytes, a path, an open binary file or a RawImage, "
            f"not {type(image).__name__}"
        )
    given: object = image
    # A file in text mode may fail to decode the bytes.
    data: object = "" if isinstance(given, io.TextIOBase) else image.read()
    if inspect.iscoroutine(data):
        data.close()
        raise TypeError("the file's read() is a coroutine function: pass `await file.read()`")
    if not isinstance(data, bytes):
        raise TypeError(f"the file must be open in binary mode; it gives {type(data).__name__}")
    if not data and (tell := getattr(image, "tell", None)) is not None and _position(tell):
        raise ValueError("the file is at its end: call seek(0) first")
    return data


def _position(tell: Callable[[], int]) -> int:
    try:
        return tell()
    except OSError:  # a pipe
        return 0


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
        # Without a size, the server refuses an empty file as `Encode` does.
        return pb.EncodeStreamStart(request=request, source_bytes=self.size or None)

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
    """Return the source of an image. Raises the errors of `read_image`."""
    if isinstance(image, RawImage):
        return Source(image.pixels, len(image.pixels), image)
    if isinstance(image, memoryview) and not image.c_contiguous:
        image = bytes(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return Source(image, memoryview(image).nbytes)
    if isinstance(image, (str, os.PathLike)) and (path := Path(image)).is_file():
        return Source(path, path.stat().st_size)
    data = read_image(image)  # a pipe can be read only once, and a missing file raises here
    return Source(data, len(data))
