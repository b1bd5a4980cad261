"""The formats that can be read: recognising a file's format, and opening it with libvips.

The first bytes decide, and only the loader for that format sees the file. libvips itself
would try all its loaders (SVG, matrices, its own format), which costs time and exposes
their code. It does not read JPEG XL: `images.jxl` does. Ultra HDR is read as plain JPEG.
"""

from __future__ import annotations

import re
import threading
from functools import cache

from autoquality_core.images.libvips import ensure_configured
from autoquality_core.runtime.codecs import jpegxl, pyvips
from autoquality_core.types import Data

ANIMATED = frozenset({"gif", "webp"})
"""Formats whose pages are the frames of an animation. In others, pages are separate images."""

TOLERABLE = frozenset({"jpeg", "png"})
"""Formats that can be decoded in part: rows from the top, or scans from coarse to fine."""

_probing = threading.Lock()

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
    ("jxl", re.compile(rb"\xff\n|\0\0\0\x0cJXL \r\n\x87\n")),
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

    `frames` is -1 for all. Raises pyvips.Error, and so does reading pixels that fail a
    checksum, are missing or cannot be decoded. This is libvips' level "error". Its level
    "truncated" would accept PNG rows with a wrong checksum and TIFF strips that do not
    exist. Errors that viewers ignore, such as bytes between JPEG markers, are of level
    "warning" and do not raise.

    With `damaged`, pixels that cannot be decoded are grey or black. Only a file without
    any decodable pixels raises.

    Call `source_formats` before: it must not be the first call while other threads use libvips.
    """
    options = {"n": frames} if name in ANIMATED else {}
    level = "none" if damaged else "error"
    loader = getattr(pyvips.Image, _LOADERS[name])
    image: pyvips.Image = loader(data, access="sequential", fail_on=level, **options)
    return image


def source_formats() -> tuple[str, ...]:
    """The formats that can be read here, in lower case. "heif" is HEIF with HEVC inside.

    The first call finds out by provoking an error of libvips. All threads share the errors of
    libvips, and pyvips clears them whenever it looks up an operation of an image. So this happens
    before any other use of libvips, and other threads wait for it.
    """
    with _probing:
        return _readable_formats()


@cache
def _readable_formats() -> tuple[str, ...]:
    ensure_configured()
    by_vips = tuple(name for name in _LOADERS if _readable(name))
    return (*by_vips, "jxl") if _has_libjxl() else by_vips


def _has_libjxl() -> bool:
    try:
        return bool(jpegxl.jpegxl_version())
    except ImportError:  # imagecodecs has no wheel for this kind of machine
        return False


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
    """A HEIF file of one 64x64 image with an empty picture: one box in each line."""
    return b"".join(
        (
            b"\0\0\0\x14ftypmif1\0\0\0\0mif1",
            b"\0\0\0\xd4meta\0\0\0\0",
            b"\0\0\0\x21hdlr" + bytes(8) + b"pict" + bytes(13),
            b"\0\0\0\x0epitm\0\0\0\0\0\x01",
            b"\0\0\0\x1eiloc\0\0\0\0\x44\0\0\x01\0\x01\0\0\0\x01\0\0\0\xf0\0\0\0\x08",
            b"\0\0\0\x23iinf\0\0\0\0\0\x01",
            b"\0\0\0\x15infe\x02\0\0\0\0\x01\0\0" + codec + b"\0",
            b"\0\0\0\x58iprp",
            b"\0\0\0\x3bipco",
            b"\0\0\0\x1f" + configuration + b"\x01\x01\x60\0\0\0\x90\0\0\0\0\0\x1e\xf0\0",
            b"\xfc\xfd\xf8\xf8\0\0\x0f\0",
            b"\0\0\0\x14ispe\0\0\0\0\0\0\0\x40\0\0\0\x40",
            b"\0\0\0\x15ipma\0\0\0\0\0\0\0\x01\0\x01\x02\x81\x02",
            b"\0\0\0\x10mdat\0\0\0\x04\x26\x01\0\0",
        )
    )
