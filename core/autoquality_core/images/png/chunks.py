"""The chunks of a PNG (ISO/IEC 15948, 5.3): finding and writing them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator
from itertools import islice
from typing import NamedTuple

from autoquality_core.types import Data

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OVERHEAD = 12
"""Bytes of a chunk that are not content: length, kind, checksum."""

_MOST_CHUNKS = 10_000


class Chunk(NamedTuple):
    """A chunk whose content begins at `start` in the file. A truncated file ends within it."""

    kind: bytes
    start: int
    length: int


def chunks(data: Data) -> Iterator[Chunk]:
    """The chunks of a file in order; the caller limits their number."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield Chunk(kind, at + 8, length)
        at += OVERHEAD + length


def contents(data: Data, kinds: Collection[bytes], most: int) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the chunks of these kinds; contents are cut to `most` bytes."""
    for kind, start, length in islice(chunks(data), _MOST_CHUNKS):
        if kind in kinds:
            yield kind, bytes(data[start : start + min(length, most)])


def chunk(kind: bytes, content: bytes | memoryview) -> bytes:
    """The bytes of a chunk."""
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)))
