"""The colours that the chunks of a PNG declare (PNG, third edition, sections 12.13 and 13.13)."""

from __future__ import annotations

import struct

from autoquality_core.images.colour.cicp import Colours, from_cicp, from_gama_chrm
from autoquality_core.images.png.chunks import contents
from autoquality_core.types import Data

_SIZES = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}


def described(data: Data) -> tuple[Colours | None, bool]:
    """The colours that chunks describe, None for sRGB, and whether they override a profile.

    The order of precedence is cICP, (iCCP,) sRGB, gAMA and cHRM.
    """
    found = _contents(data)
    if b"cICP" in found and found[b"cICP"][2] == 0:
        return from_cicp(found[b"cICP"]), True
    if b"sRGB" in found or not found.keys() & {b"gAMA", b"cHRM"}:
        return None, False
    gama = struct.unpack(">I", found[b"gAMA"])[0] if b"gAMA" in found else None
    chrm = struct.unpack(">8i", found[b"cHRM"]) if b"cHRM" in found else None
    return from_gama_chrm(gama, chrm), False


def _contents(data: Data) -> dict[bytes, bytes]:
    """The contents of the chunks about colours before the pixels, by their kinds."""
    found: dict[bytes, bytes] = {}
    for kind, content in contents(data, (*_SIZES, b"IDAT"), 64):
        if kind == b"IDAT":
            break
        if len(content) == _SIZES[kind]:
            found.setdefault(kind, content)
    return found
