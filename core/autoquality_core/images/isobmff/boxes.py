"""The boxes that HEIF and AVIF files consist of (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

# libheif itself stops at fewer.
_MOST_BOXES = 4096


class Cursor:
    """Reads unsigned numbers, one after another; ValueError where there are no more."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def take(self, size: int) -> int:
        """The number in the next `size` bytes; 0 bytes hold a 0."""
        end = self._at + size
        if end > len(self._content):
            raise ValueError("a box is too short")
        number = int.from_bytes(self._content[self._at : end], "big")
        self._at = end
        return number

    def rest(self) -> memoryview:
        """All that has not been read."""
        return self._content[self._at :]


def boxes(content: memoryview, *, lenient: bool = False) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes that `content` consists of: type and content of each.

    With `lenient`, it ends where something is no box: decoders do not look behind the last.
    """
    for _ in range(_MOST_BOXES):
        if not content:
            return
        try:
            size, kind = struct.unpack_from(">I4s", content)
            header = 8
            if size == 1:
                (size,) = struct.unpack_from(">Q", content, 8)
                header = 16
        except struct.error:
            if lenient:
                return
            raise
        size = size or len(content)
        if not header <= size <= len(content):
            if lenient:
                return
            raise ValueError("a box that ends before it begins, or after the file")
        yield kind, content[header:size]
        content = content[size:]
    raise ValueError("too many boxes")


def only(found: list[tuple[bytes, memoryview]], kind: bytes) -> memoryview:
    """Of a box that is there twice no two readers may take the same one."""
    contents = [content for name, content in found if name == kind]
    if len(contents) != 1:
        raise ValueError(f"{len(contents)} boxes {kind!r}")
    return contents[0]


def full(content: memoryview) -> tuple[int, Cursor]:
    """The version of a full box, and what follows its flags."""
    cursor = Cursor(content)
    return cursor.take(4) >> 24, cursor
