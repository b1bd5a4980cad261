"""The chunks of a PNG (ISO/IEC 15948, 5.3): finding, writing and counting them."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from autoquality_core.types import Data

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OVERHEAD = 12
"""Bytes of a chunk that are not content: length, kind, checksum."""

MOST_CHUNKS = 10_000
"""Chunks without pixels. libvips spends some 20 microseconds on each warning about one."""

MOST_PIXEL_CHUNKS = 1_000_000
"""libpng writes 8 kB in each."""

_STEP = 1 << 16
"""Compressed bytes that are decompressed at once."""

_PIXELS = frozenset({b"IDAT", b"fdAT"})

# What precedes the compressed bytes: a keyword and the method; in iTXt, also a flag for
# compression, and two more strings.
_PREFIXES = {
    b"zTXt": re.compile(rb"[^\0]*\0.", re.DOTALL),
    b"iCCP": re.compile(rb"[^\0]*\0.", re.DOTALL),
    b"iTXt": re.compile(rb"[^\0]*\0\x01.[^\0]*\0[^\0]*\0", re.DOTALL),
}


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


def chunk(kind: bytes, content: bytes | memoryview) -> bytes:
    """The bytes of a chunk."""
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)))


@dataclass(slots=True)
class ChunkCounts:
    """Chunks without pixels and with pixels, compressed texts, and bytes they decompress to.

    `decompressed` includes ICC profiles. Counting stops soon after a limit is exceeded.
    """

    others: int = 0
    pixels: int = 0
    texts: int = 0
    decompressed: int = 0


def count_chunks(data: Data, most_texts: int, most_decompressed: int) -> ChunkCounts:
    """Count the chunks that libpng reads; decompresses at most `most_decompressed` + 1 bytes."""
    counts = ChunkCounts()
    for kind, start, length in chunks(data):
        if kind in _PIXELS:
            counts.pixels += 1
        else:
            counts.others += 1
        end = min(start + length, len(data))
        if kind in _PREFIXES and (prefix := _PREFIXES[kind].match(data, start, end)):
            counts.texts += kind != b"iCCP"
            room = most_decompressed + 1 - counts.decompressed
            counts.decompressed += _decompressed_size(data, prefix.end(), end, room)
        if kind == b"IEND" or counts.texts > most_texts or counts.decompressed > most_decompressed:
            break
        if counts.others > MOST_CHUNKS or counts.pixels > MOST_PIXEL_CHUNKS:
            break
    return counts


def _decompressed_size(data: Data, start: int, end: int, most: int) -> int:
    """How many bytes a zlib stream decompresses to, at most `most`.

    A damaged stream counts up to the damage.
    """
    unpacker = zlib.decompressobj()
    size = 0
    try:
        for at in range(start, end, _STEP):
            size += len(unpacker.decompress(data[at : min(at + _STEP, end)], most - size))
            if size >= most or unpacker.eof:
                break
    except zlib.error:
        pass  # libpng ignores the chunk.
    return size
