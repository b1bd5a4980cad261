"""What the chunks of a PNG say of its colours (PNG, third edition, section 12.13 and 13.13)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from autoquality_server.domain import Data
from autoquality_server.image.cicp import Colours, from_cicp, from_gama_chrm

_SIGNATURE_BYTES = 8
_MOST_CHUNKS = 1000
_SIZES = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}


@dataclass(frozen=True, slots=True)
class PngColours:
    """The colours that chunks describe, None for sRGB.

    `first` says that they go before an ICC profile (cICP); otherwise they count
    only where there is no usable one.
    """

    colours: Colours | None = None
    first: bool = False


def described(data: Data) -> PngColours:
    """The colours by the chunk of the highest precedence: cICP, (iCCP,) sRGB, gAMA and cHRM."""
    chunks = _chunks(data)
    if b"cICP" in chunks and chunks[b"cICP"][2] == 0:
        return PngColours(from_cicp(chunks[b"cICP"]), first=True)
    if b"sRGB" in chunks or not chunks.keys() & {b"gAMA", b"cHRM"}:
        return PngColours()
    gama = struct.unpack(">I", chunks[b"gAMA"])[0] if b"gAMA" in chunks else None
    chrm = struct.unpack(">8i", chunks[b"cHRM"]) if b"cHRM" in chunks else None
    return PngColours(from_gama_chrm(gama, chrm))


def _chunks(data: Data) -> dict[bytes, bytes]:
    """The chunks that matter and come before the pixels, by their names."""
    found: dict[bytes, bytes] = {}
    at = _SIGNATURE_BYTES
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            break
        size, name = struct.unpack_from(">I4s", data, at)
        if name in (b"IDAT", b"IEND"):
            break
        content = bytes(data[at + 8 : at + 8 + min(size, 32)])
        if _SIZES.get(name) == size == len(content):
            found.setdefault(name, content)
        at += 12 + size
    return found
