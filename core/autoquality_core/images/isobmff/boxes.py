"""Boxes, which HEIF and AVIF files consist of (ISO/IEC 14496-12), and the numbers in them."""

from __future__ import annotations

import struct
from collections.abc import Iterator

# libheif itself allows fewer.
_MOST_BOXES = 4096


class BitReader:
    """Reads unsigned numbers one after another, highest bit first.

    Its methods raise ValueError where the content ends too early.
    """

    def __init__(self, content: memoryview | bytes) -> None:
        self._content = content
        self._at = 0  # in bits

    def bits(self, count: int) -> int:
        """The number in the next `count` bits, 0 for no bits."""
        start, end = self._at, self._at + count
        if end > 8 * len(self._content):
            raise ValueError("the content is too short")
        self._at = end
        last = (end + 7) // 8
        number = int.from_bytes(self._content[start // 8 : last], "big")
        return number >> (8 * last - end) & (1 << count) - 1

    def uint(self, size: int) -> int:
        """The number in the next `size` bytes, 0 for no bytes."""
        return self.bits(8 * size)

    def rest(self) -> memoryview:
        return memoryview(self._content)[(self._at + 7) // 8 :]


def boxes(content: memoryview, *, lenient: bool = False) -> Iterator[tuple[bytes, memoryview]]:
    """The type and the content of each box in `content`.

    Raises ValueError at bytes that are no box. With `lenient`, it stops there, as decoders do
    behind the last box of a file.
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
            size = size or len(content)
            fits = header <= size <= len(content)
        except struct.error:
            fits = False
        if not fits:
            if lenient:
                return
            raise ValueError("a box does not fit into the box around it")
        yield kind, content[header:size]
        content = content[size:]
    raise ValueError("too many boxes")


def only(found: list[tuple[bytes, memoryview]], kind: bytes) -> memoryview:
    """The content of the only box of this type.

    Raises ValueError if there are several, since two readers may choose different ones, or none.
    """
    contents = [content for name, content in found if name == kind]
    if len(contents) != 1:
        raise ValueError(f"{len(contents)} boxes {kind!r}")
    return contents[0]


def full(content: memoryview) -> tuple[int, int, BitReader]:
    """The version and the flags of a full box, and a reader for the rest."""
    reader = BitReader(content)
    return reader.uint(1), reader.uint(3), reader
