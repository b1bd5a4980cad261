"""The boxes around a codestream (ISO/IEC 18181-2): metadata, and the codestream in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from autoquality_core.images.isobmff.boxes import boxes
from autoquality_core.images.jxl.header import SIGNATURE
from autoquality_core.images.metadata.kept import MOST_BYTES, Blocks
from autoquality_core.runtime.codecs import brotli
from autoquality_core.types import Data

BOXED = b"\0\0\0\x0cJXL \r\n\x87\n"

_LAST_PART = 1 << 31
_COMPRESSED = b"brob"
_NAMES = {b"Exif": "EXIF", b"xml ": "XMP"}


@dataclass(frozen=True, slots=True)
class Container:
    """A codestream, the metadata next to it, and whether there is a gain map for HDR screens."""

    codestream: memoryview
    blocks: Blocks = field(default_factory=Blocks)
    gain_map: bool = False


def read_container(data: Data) -> Container:
    """Find the codestream of a file, bare or in boxes. Raises ValueError if there is none."""
    view = memoryview(data)
    if bytes(view[:2]) == SIGNATURE:
        return Container(view)
    found = list(boxes(view, lenient=True))
    if bytes(view[: len(BOXED)]) != BOXED or not (found[1:] and found[1][0] == b"ftyp"):
        raise ValueError("not a JPEG XL")
    whole = [content for kind, content in found if kind == b"jxlc"]
    parts = [content for kind, content in found if kind == b"jxlp"]
    if len(whole) + bool(parts) != 1:
        raise ValueError("several codestreams, or none")
    codestream = _joined(parts) if parts else whole[0]
    gain_map = any(kind == b"jhgm" for kind, _ in found)
    return Container(codestream, _blocks(found), gain_map)


def _joined(parts: Sequence[memoryview]) -> memoryview:
    for at, part in enumerate(parts):
        last = _LAST_PART if at == len(parts) - 1 else 0
        if int.from_bytes(part[:4], "big") != at | last:
            raise ValueError("a part is missing")
    return memoryview(b"".join(part[4:] for part in parts))


def _blocks(found: Sequence[tuple[bytes, memoryview]]) -> Blocks:
    """EXIF and XMP. Each may be compressed; of several, the first counts."""
    contents: dict[bytes, bytes] = {}
    too_large = []
    for kind, content in found:
        compressed = kind == _COMPRESSED
        name = bytes(content[:4]) if compressed else kind
        if name not in _NAMES or name in contents:
            continue
        block = _decompressed(content[4:]) if compressed else content
        if block is None or len(block) > MOST_BYTES:
            too_large.append(f"{_NAMES[name]} is damaged or has more than {MOST_BYTES} bytes")
        else:
            contents[name] = bytes(block)
    exif, xmp = (contents.get(name, b"") for name in _NAMES)
    return Blocks(exif=exif, xmp=xmp, too_large=tuple(too_large))


def _decompressed(content: memoryview) -> bytes | None:
    """The content of a compressed box; None if it is damaged or too large."""
    try:
        found: bytes = brotli.brotli_decode(content, out=MOST_BYTES)
    except RuntimeError:
        return None
    return found
