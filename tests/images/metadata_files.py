"""Files with metadata of every kind, made by Pillow where it supports it, or by hand."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.images.files import corners

ORIENTATION, MAKE, ARTIST, COPYRIGHT = 0x0112, 0x010F, 0x013B, 0x8298
X_RESOLUTION, Y_RESOLUTION, UNIT = 0x011A, 0x011B, 0x0128
GPS, EXIF_IFD, MAKER_NOTE, USER_COMMENT = 0x8825, 0x8769, 0x927C, 0x9286

SOURCES = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")
"""The formats that hold EXIF, by Pillow's names."""


def saved(fmt: str, samples: np.ndarray | None = None, **options: Any) -> bytes:
    """A file written by Pillow; without samples, an image of four corners."""
    if fmt == "JPEG" and isinstance(options.get("exif"), bytes):
        options["exif"] = b"Exif\0\0" + options["exif"]
    file = io.BytesIO()
    Image.fromarray(corners() if samples is None else samples).save(file, fmt, **options)
    return file.getvalue()


def exif(orientation: int = 1, **more: Any) -> Image.Exif:
    """A camera's EXIF: author, copyright, camera, place."""
    made = Image.Exif()
    made[ORIENTATION] = orientation
    made[MAKE] = "A Camera"
    made[ARTIST] = "Ada"
    made[COPYRIGHT] = "(c) Ada"
    made.get_ifd(GPS)[1] = "N"
    made.get_ifd(GPS)[2] = (52.0, 30.0, 0.0)
    for tag, value in more.items():
        made[int(tag.lstrip("t"))] = value
    return made


def packet(content: str = "", attributes: str = "") -> bytes:
    """An XMP packet around properties."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF'
        ' xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"'
        f" {attributes}>{content}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def directory(tags: dict[int, tuple[int, int, bytes]], at: int, following: int = 0) -> bytes:
    """A little-endian directory of EXIF that lies at `at`."""
    entries, values = b"", b""
    behind = at + 2 + 12 * len(tags) + 4
    for tag, (kind, count, value) in sorted(tags.items()):
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place = struct.pack("<I", behind + len(values))
            values += value + bytes(len(value) % 2)
        entries += struct.pack("<HHI", tag, kind, count) + place
    return struct.pack("<H", len(tags)) + entries + struct.pack("<I", following) + values


def text(value: str | bytes) -> tuple[int, int, bytes]:
    """A tag with text, in UTF-8."""
    raw = value.encode() if isinstance(value, str) else value
    return 2, len(raw) + 1, raw + b"\0"


def exif_block(tags: dict[int, tuple[int, int, bytes]], following: int = 0) -> bytes:
    """An EXIF block of one directory."""
    return b"II*\0\x08\0\0\0" + directory(tags, 8, following)


def with_thumbnail(tags: dict[int, tuple[int, int, bytes]], thumbnail: bytes) -> bytes:
    """An EXIF block of one directory, and of another with a thumbnail."""
    at = len(exif_block(tags))
    second = {
        0x0201: (4, 1, struct.pack("<I", at + 2 + 24 + 4)),
        0x0202: (4, 1, struct.pack("<I", len(thumbnail))),
    }
    return exif_block(tags, at) + directory(second, at) + thumbnail


def png_with_texts(**texts: tuple[str, str]) -> bytes:
    """A PNG with texts, by their keywords: kind (tEXt, zTXt or iTXt) and value."""
    info = PngInfo()
    for keyword, (how, value) in texts.items():
        if how == "iTXt":
            info.add_itxt(keyword, value, zip=True)
        else:
            info.add_text(keyword, value, zip=how == "zTXt")
    return saved("PNG", pnginfo=info)


def iptc_record(dataset: int, value: bytes) -> bytes:
    """One record of IPTC's second group."""
    return struct.pack(">BBBH", 0x1C, 2, dataset, len(value)) + value


def resource(number: int, content: bytes) -> bytes:
    """One resource of a Photoshop segment, with a name."""
    head = struct.pack(">4sH", b"8BIM", number) + b"\x03odd" + struct.pack(">I", len(content))
    return head + content + bytes(len(content) % 2)


def jpeg_with_segment(code: int, content: bytes) -> bytes:
    """A JPEG with an APPn segment."""
    data = saved("JPEG", quality=95)
    return data[:2] + struct.pack(">BBH", 0xFF, code, len(content) + 2) + content + data[2:]


def photoshop(*resources: bytes) -> bytes:
    """A JPEG with a Photoshop segment."""
    return jpeg_with_segment(0xED, b"Photoshop 3.0\0" + b"".join(resources))
