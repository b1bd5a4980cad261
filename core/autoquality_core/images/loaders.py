"""The formats that can be read: recognising a file's format, and opening it with libvips.

The first bytes decide, and nothing but the loader for that format sees the file.
libvips itself would try all its loaders (SVG, matrices, its own format), which
costs time and exposes their code. Ultra HDR is read as plain JPEG.
"""

from __future__ import annotations

import re
import struct
from functools import cache

import pyvips

from autoquality_core.images.libvips import ensure_configured
from autoquality_core.types import Data

ANIMATED = frozenset({"gif", "webp"})
"""Formats whose pages are the frames of an animation. In others, pages are separate images."""

TOLERABLE = frozenset({"jpeg", "png"})
"""Formats that can be decoded in part: rows from the top, or scans from coarse to fine."""

_LOADERS = {
    "jpeg": "jpegload_buffer",
    "png": "pngload_buffer",
    "webp": "webpload_buffer",
    "avif": "heifload_buffer",
    "heif": "heifload_buffer",
    "gif": "gifload_buffer",
    "tiff": "tiffload_buffer",
}

_SIGNATURES = (
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("tiff", re.compile(rb"II[*+]\x00|MM\x00[*+]")),
    # ISO/IEC 23008-12, the brands of images and image sequences.
    ("avif", re.compile(rb"....ftypavi[fs]", re.DOTALL)),
    ("heif", re.compile(rb"....ftyp(mi[fa]\w|msf1|he[iv][cxms]|1pic|avci)", re.DOTALL)),
)


def sniff(data: Data) -> str | None:
    """The format by the first bytes; "heif" may turn out to be "avif", by its codec."""
    return next((name for name, signature in _SIGNATURES if signature.match(data)), None)


def load(data: Data, name: str, *, frames: int = 1, damaged: bool = False) -> pyvips.Image:
    """Open a file of format `name`: reads the header; pixels are decoded later, row by row.

    `frames` is -1 for all. Raises pyvips.Error. Reading pixels also raises it,
    where they fail a checksum, are missing or cannot be decoded. libvips calls
    this level "error"; its level "truncated" would accept PNG rows with a wrong
    checksum and TIFF strips that do not exist. Errors that viewers ignore, such
    as bytes between JPEG markers, are of level "warning" and do not raise.

    With `damaged`, what cannot be decoded is grey or black, and only a file of
    which nothing can be decoded raises.
    """
    ensure_configured()
    options = {"n": frames} if name in ANIMATED else {}
    level = "none" if damaged else "error"
    loader = getattr(pyvips.Image, _LOADERS[name])
    image: pyvips.Image = loader(data, access="sequential", fail_on=level, **options)
    return image


@cache
def source_formats() -> tuple[str, ...]:
    """The formats that this libvips reads, in lower case. "heif" is HEIF with HEVC inside."""
    return tuple(name for name in _LOADERS if _readable(name))


def _readable(name: str) -> bool:
    if pyvips.type_find("VipsForeignLoad", _LOADERS[name]) == 0:
        return False
    if name == "avif":
        return _decodes(b"av01", b"av1C")
    return name != "heif" or _decodes(b"hvc1", b"hvcC")


def _decodes(codec: bytes, configuration: bytes) -> bool:
    """Whether libheif has a decoder for `codec`: it may be built without.

    Loads a file whose coded picture is empty. libheif then complains about the
    picture if it has a decoder, and about the codec if it has none (error class
    4, unsupported feature, or 11, no such plugin).
    """
    try:
        load(heif_without_picture(codec, configuration), "heif").write_to_memory()
    except pyvips.Error as error:
        return re.search(r"\((4|11)\.\d+\)", str(error)) is None
    return True


def heif_without_picture(codec: bytes, configuration: bytes) -> bytes:
    """A HEIF file of one 64x64 image whose coded picture is missing."""

    def box(kind: bytes, *parts: bytes) -> bytes:
        content = b"".join(parts)
        return struct.pack(">I", 8 + len(content)) + kind + content

    def full(kind: bytes, version: int, *parts: bytes) -> bytes:
        return box(kind, struct.pack(">I", version << 24), *parts)

    settings = bytes.fromhex("0101600000009000000000001ef000fcfdf8f800000f00")
    properties = box(
        b"ipco", box(configuration, settings), full(b"ispe", 0, struct.pack(">II", 64, 64))
    )
    association = full(b"ipma", 0, struct.pack(">IHBBB", 1, 1, 2, 0x81, 2))
    entry = full(b"infe", 2, struct.pack(">HH", 1, 0), codec, b"\0")
    kind = box(b"ftyp", b"mif1", bytes(4), b"mif1")

    def meta(offset: int) -> bytes:
        return full(
            b"meta",
            0,
            full(b"hdlr", 0, bytes(4), b"pict", bytes(13)),
            full(b"pitm", 0, struct.pack(">H", 1)),
            full(b"iloc", 0, struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, 8)),
            full(b"iinf", 0, struct.pack(">H", 1), entry),
            box(b"iprp", properties, association),
        )

    offset = len(kind) + len(meta(0)) + 8
    return kind + meta(offset) + box(b"mdat", bytes.fromhex("0000000426010000"))
