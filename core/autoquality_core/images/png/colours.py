"""The colours that the chunks of a PNG declare (PNG, third edition, sections 12.13 and 13.13)."""

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

    `first` says that they take precedence over an ICC profile (cICP). Otherwise they
    count only without a usable profile.
    """

    colours: Colours | None = None
    first: bool = False


def described(data: Data) -> PngColours:
    """The colours by the chunk that takes precedence: cICP, (iCCP,) sRGB, gAMA and cHRM."""
    found = _contents(data)
    if b"cICP" in found and found[b"cICP"][2] == 0:
        return PngColours(from_cicp(found[b"cICP"]), first=True)
    if b"sRGB" in found or not found.keys() & {b"gAMA", b"cHRM"}:
        return PngColours()
    gama = struct.unpack(">I", found[b"gAMA"])[0] if b"gAMA" in found else None
    chrm = struct.unpack(">8i", found[b"cHRM"]) if b"cHRM" in found else None
    return PngColours(from_gama_chrm(gama, chrm))


def _contents(data: Data) -> dict[bytes, bytes]:
    """The contents of the chunks about colours before the pixels, by their kinds."""
    found: dict[bytes, bytes] = {}
    for kind, start, length in islice(chunks(data), _MOST_CHUNKS):
        if kind in (b"IDAT", b"IEND"):
            break
        content = bytes(data[start : start + min(length, 32)])
        if _SIZES.get(kind) == length == len(content):
            found.setdefault(kind, content)
    return found
