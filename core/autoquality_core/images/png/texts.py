"""The texts and the density in the chunks of a PNG (ISO/IEC 15948, 11.3.4 and 11.3.5.3)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection

from autoquality_core.images.png.chunks import contents
from autoquality_core.types import Data

_MOST_BYTES = 1 << 16


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
