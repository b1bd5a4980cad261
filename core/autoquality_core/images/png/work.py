"""What a PNG holds besides its pixels, found by its chunks (ISO/IEC 15948, 5 and 11.3)."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from autoquality_core.images.png.chunks import chunks
from autoquality_core.types import Data

_STEP = 1 << 16
"""Compressed bytes that are decompressed at once."""

_PIXELS = frozenset({b"IDAT", b"fdAT"})

# What precedes the compressed bytes: a keyword and the method; in iTXt, a flag that says
# whether the text is compressed, and two more strings.
_PREFIXES = {
    b"zTXt": re.compile(rb"[^\0]*\0.", re.DOTALL),
    b"iCCP": re.compile(rb"[^\0]*\0.", re.DOTALL),
    b"iTXt": re.compile(rb"[^\0]*\0\x01.[^\0]*\0[^\0]*\0", re.DOTALL),
}

MOST_CHUNKS = 10_000
"""Besides those of pixels. libvips handles each warning about one in some 20 microseconds."""

MOST_PIXEL_CHUNKS = 1_000_000
"""libpng writes 8 kB in each."""


@dataclass(frozen=True, slots=True)
class PngChunks:
    """How many chunks there are without pixels and with them, and how many are compressed texts.

    `unfolded` is how many bytes their texts and profiles have when decompressed. Each count
    ends soon after its limit.
    """

    chunks: int = 0
    pixel_chunks: int = 0
    texts: int = 0
    unfolded: int = 0


def png_chunks(data: Data, most_texts: int, most_unfolded: int) -> PngChunks:
    """Count what libpng reads; decompresses no more than `most_unfolded` bytes and one."""
    others, pixel_chunks, texts, unfolded = 0, 0, 0, 0
    for kind, start, length in chunks(data):
        if kind in _PIXELS:
            pixel_chunks += 1
        else:
            others += 1
            prefix = _PREFIXES.get(kind)
            if prefix is not None:
                end = min(start + length, len(data))
                found = prefix.match(data, start, end)
                if found is not None:
                    texts += kind != b"iCCP"
                    unfolded += _unfolded(data, found.end(), end, most_unfolded + 1 - unfolded)
        if kind == b"IEND" or texts > most_texts or unfolded > most_unfolded:
            break
        if others > MOST_CHUNKS or pixel_chunks > MOST_PIXEL_CHUNKS:
            break
    return PngChunks(others, pixel_chunks, texts, unfolded)


def _unfolded(data: Data, start: int, end: int, most: int) -> int:
    """How many bytes a zlib stream decompresses to, at most `most`; of a damaged one, its part."""
    unpacker = zlib.decompressobj()
    made = 0
    try:
        for at in range(start, end, _STEP):
            made += len(unpacker.decompress(data[at : min(at + _STEP, end)], most - made))
            if made >= most or unpacker.eof:
                break
    except zlib.error:
        pass  # libpng ignores the chunk.
    return made
