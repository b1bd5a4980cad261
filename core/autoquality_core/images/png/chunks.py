"""The chunks of a PNG: finding and writing them; the colours, texts and density that they declare.

Sections 5.3, 11.3 and 12.13 of the PNG specification, third edition (ISO/IEC 15948).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Iterator
from itertools import islice

from autoquality_core.images.colour.cicp import Colours, from_cicp, from_gama_chrm
from autoquality_core.types import Data

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OVERHEAD = 12
"""Bytes of a chunk that are not content: length, kind, checksum."""

_MOST_CHUNKS = 10_000
_MOST_BYTES = 1 << 16  # of a text
_COLOURS = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
"""The chunks about colours, and their sizes."""


def chunks(data: Data) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each chunk, where its content begins, and its length, in order.

    The caller limits their number. A truncated file ends within the last one.
    """
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, at + 8, length
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


def read_colours(data: Data) -> tuple[Colours | None, bool]:
    """The colours that chunks before the pixels describe, and whether they override a profile.

    None stands for sRGB. The order of precedence is cICP, (iCCP,) sRGB, gAMA and cHRM.
    """
    found: dict[bytes, bytes] = {}
    for kind, content in contents(data, (*_COLOURS, b"IDAT"), 64):
        if kind == b"IDAT":
            break
        if len(content) == _COLOURS[kind]:
            found.setdefault(kind, content)
    if b"cICP" in found and found[b"cICP"][2] == 0:
        return from_cicp(found[b"cICP"]), True
    if b"sRGB" in found or not found.keys() & {b"gAMA", b"cHRM"}:
        return None, False
    gama = struct.unpack(">I", found[b"gAMA"])[0] if b"gAMA" in found else None
    chrm = struct.unpack(">8i", found[b"cHRM"]) if b"cHRM" in found else None
    return from_gama_chrm(gama, chrm), False


def read_profile(data: Data) -> bytes | None:
    """The ICC profile before the pixels; None without one, and for a damaged or large one."""
    for kind, content in contents(data, (b"iCCP", b"IDAT"), _MOST_BYTES):
        if kind == b"IDAT":
            break
        return _decompressed(content.partition(b"\0")[2][1:]) or None
    return None


def read_texts(data: Data, keywords: Collection[str]) -> dict[str, bytes]:
    """The texts with these keywords, in UTF-8. The first text with a keyword counts."""
    found: dict[str, bytes] = {}
    for kind, content in contents(data, (b"tEXt", b"zTXt", b"iTXt"), _MOST_BYTES):
        keyword, _, rest = content.partition(b"\0")
        name = keyword.decode("latin-1")
        if name in keywords and name not in found and (text := _text(kind, rest)):
            found[name] = text
    return found


def read_density(data: Data) -> tuple[int, int]:
    """Pixels per metre, horizontally and vertically; 0 if the file does not say."""
    for _, content in contents(data, (b"pHYs",), _MOST_BYTES):
        if len(content) == 9 and content[8] == 1:
            x, y = struct.unpack_from(">II", content)
            return x, y
    return 0, 0


def _text(kind: bytes, content: bytes) -> bytes:
    """The text of a chunk, given its content behind the keyword."""
    if kind == b"tEXt":
        return content.decode("latin-1").encode().strip()
    if kind == b"zTXt":
        return _decompressed(content[1:]).decode("latin-1").encode().strip()
    compressed = content[:1] == b"\1"
    _language, _, rest = content[2:].partition(b"\0")
    _translated_keyword, _, text = rest.partition(b"\0")
    return (_decompressed(text) if compressed else text).strip()


def _decompressed(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MOST_BYTES)
    except zlib.error:
        return b""
