"""Which formats can be read, and which of them a file is in.

Found by our own look at the first bytes: libvips would offer every loader that
it has (SVG, matrices, its own dumps; Ultra HDR, which is read as plain JPEG
here), and asking them all costs time and exposes their code.
"""

from __future__ import annotations

import re
import struct

import pyvips

from autoquality_core.types import Data

# Formats of animations; in others, several pages are several images.
ANIMATED = frozenset({"gif", "webp"})

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
    # ISO/IEC 23008-12, the brands of images and image sequences. The codec inside decides.
    ("avif", re.compile(rb"....ftypavi[fs]", re.DOTALL)),
    ("heif", re.compile(rb"....ftyp(mi[fa]\w|msf1|he[iv][cxms]|1pic|avci)", re.DOTALL)),
)


def sniff(data: Data) -> str | None:
    """The format that the first bytes announce; "heif" may turn out to be "avif"."""
    return next((name for name, signature in _SIGNATURES if signature.match(data)), None)


TOLERABLE = frozenset({"jpeg", "png"})
"""Formats of which a part can be decoded: rows from the top, scans from coarse to fine."""


def load(data: Data, name: str, *, frames: int = 1, damaged: bool = False) -> pyvips.Image:
    """Open a file of format `name`: its header is read, its pixels later, row by row.

    `frames` is -1 for all. Raises pyvips.Error. Pixels that fail a checksum,
    cannot be read or are missing raise when they are read (libvips' level
    "error": its level "truncated" would pass PNG rows with a wrong checksum
    and TIFF strips that do not exist); what a viewer shows without complaint,
    such as bytes between JPEG markers, is "warning" and passes. With `damaged`
    nothing raises of which anything can be decoded; what is missing is grey or
    black.
    """
    options = {"n": frames} if name in ANIMATED else {}
    level = "none" if damaged else "error"
    loader = getattr(pyvips.Image, _LOADERS[name])
    image: pyvips.Image = loader(data, access="sequential", fail_on=level, **options)
    return image


def _readable() -> tuple[str, ...]:
    """The formats that this libvips reads."""

    def reads(name: str) -> bool:
        if pyvips.type_find("VipsForeignLoad", _LOADERS[name]) == 0:
            return False
        if name == "avif":
            return _decodes(b"av01", b"av1C")
        return name != "heif" or _decodes(b"hvc1", b"hvcC")

    return tuple(name for name in _LOADERS if reads(name))


def _decodes(codec: bytes, configuration: bytes) -> bool:
    """Whether libheif has a decoder for `codec`: it may be built without.

    Asked by giving it a file with no picture inside: with a decoder, it is the
    picture that it complains about, without, the codec (libheif's error
    classes 4, unsupported feature, and 11, no such plugin).
    """
    try:
        load(_hollow_heif(codec, configuration), "heif").write_to_memory()
    except pyvips.Error as error:
        return re.search(r"\((4|11)\.\d+\)", str(error)) is None
    return True


def _hollow_heif(codec: bytes, configuration: bytes) -> bytes:
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


SOURCE_FORMATS = _readable()
"""The formats that can be read, in lower case; "heif" is with HEVC inside."""
