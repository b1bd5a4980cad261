"""The chunks that a PNG consists of (ISO/IEC 15948, 5.3), found and written."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from autoquality_core.types import Data

SIGNATURE = b"\x89PNG\r\n\x1a\n"
AROUND = 12
"""Bytes of a chunk that are not content: length, kind, checksum."""


class Chunk(NamedTuple):
    """A chunk whose content begins at `start` in the file; the file may end before it does."""

    kind: bytes
    start: int
    length: int


def chunks(data: Data) -> Iterator[Chunk]:
    """The chunks of a file, one after another; the caller bounds their number."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield Chunk(kind, at + 8, length)
        at += AROUND + length


def chunk(kind: bytes, content: bytes | memoryview) -> bytes:
    """A chunk as it stands in a file."""
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)))
