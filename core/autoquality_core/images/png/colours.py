"""What the chunks of a PNG say of its colours (PNG, third edition, section 12.13 and 13.13)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice

from autoquality_core.images.colour.cicp import Colours, from_cicp, from_gama_chrm
from autoquality_core.images.png.chunks import chunks
from autoquality_core.types import Data

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
    said = _chunks(data)
    if b"cICP" in said and said[b"cICP"][2] == 0:
        return PngColours(from_cicp(said[b"cICP"]), first=True)
    if b"sRGB" in said or not said.keys() & {b"gAMA", b"cHRM"}:
        return PngColours()
    gama = struct.unpack(">I", said[b"gAMA"])[0] if b"gAMA" in said else None
    chrm = struct.unpack(">8i", said[b"cHRM"]) if b"cHRM" in said else None
    return PngColours(from_gama_chrm(gama, chrm))


def _chunks(data: Data) -> dict[bytes, bytes]:
    """The chunks that matter and come before the pixels, by their kinds."""
    found: dict[bytes, bytes] = {}
    for kind, start, length in islice(chunks(data), _MOST_CHUNKS):
        if kind in (b"IDAT", b"IEND"):
            break
        content = bytes(data[start : start + min(length, 32)])
        if _SIZES.get(kind) == length == len(content):
            found.setdefault(kind, content)
    return found
