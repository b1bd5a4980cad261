"""Inserts metadata into a finished file.

Encoders write files without it. So a picture has the same bytes with and without metadata, and the
size of the metadata is known before encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace

from autoquality_core.images import NO_METADATA, Metadata
from autoquality_core.images.isobmff.boxes import boxes
from autoquality_core.images.jxl.container import BOXED
from autoquality_core.images.metadata.exif import density
from autoquality_core.images.metadata.iptc import photoshop_segment
from autoquality_core.images.png.chunks import chunk, chunks
from autoquality_core.types import Format

_EXIF_NAME, _XMP_NAME = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_LONGEST_SEGMENT = 65533

_PNG_HEAD = 33  # the signature and IHDR
_WEBP_ALPHA, _WEBP_EXIF, _WEBP_XMP = 0x10, 0x08, 0x04

_PLACES = {
    bytes.fromhex("000000004440"): (struct.Struct(">HHIHII"), (0,)),  # libheif
    bytes.fromhex("000000004400"): (struct.Struct(">HHHII"), ()),  # libavif
}
"""How an item with one extent stands in a box `iloc`, and its base offset, which may be absent. By
the version of the box and its sizes of numbers. The numbers are the item, data reference, base
offset, number of extents, offset and length."""


def with_metadata(fmt: Format, data: bytes, metadata: Metadata) -> bytes:
    """A file with the metadata inserted, which must fit (`fitting_metadata`)."""
    return _WRITERS[fmt](data, metadata) if metadata else data


def fitting_metadata(fmt: Format, metadata: Metadata) -> Metadata:
    """The part of the metadata that a format can hold; `dropped` names the rest."""
    dropped = list(metadata.dropped)
    exif, xmp, iptc = metadata.exif, metadata.xmp, metadata.iptc
    if fmt not in _WRITERS:
        kinds = {"EXIF": exif, "XMP": xmp, "IPTC": iptc}
        dropped += [f"{fmt.name} cannot hold {kind}" for kind, content in kinds.items() if content]
        return replace(NO_METADATA, dropped=tuple(dropped))
    if fmt is not Format.JPEG:
        if iptc:
            dropped.append(f"{fmt.name} cannot hold IPTC")
        return replace(metadata, iptc=b"", dropped=tuple(dropped))
    room = _LONGEST_SEGMENT
    if len(exif) > room - len(_EXIF_NAME):
        dropped.append(f"JPEG cannot hold EXIF of {len(exif)} bytes")
        exif = metadata.copyright
    if len(xmp) > room - len(_XMP_NAME):
        dropped.append(f"JPEG cannot hold XMP of {len(xmp)} bytes")
        xmp = b""
    if len(photoshop_segment(iptc)) > room:
        dropped.append(f"JPEG cannot hold IPTC of {len(iptc)} bytes")
        iptc = b""
    return replace(metadata, exif=exif, xmp=xmp, iptc=iptc, dropped=tuple(dropped))


def _jpeg(data: bytes, metadata: Metadata) -> bytes:
    segments = b""
    for code, prefix, content in (
        (0xE1, _EXIF_NAME, metadata.exif),
        (0xE1, _XMP_NAME, metadata.xmp),
        (0xED, b"", photoshop_segment(metadata.iptc) if metadata.iptc else b""),
    ):
        if content:
            length = 2 + len(prefix) + len(content)
            segments += struct.pack(">BBH", 0xFF, code, length) + prefix + content
    begin = 2
    if data[2:4] == b"\xff\xe0":  # JFIF, which a source may have, comes first
        begin += 2 + int.from_bytes(data[4:6], "big")
    return data[:begin] + segments + data[begin:]


def _webp(data: bytes, metadata: Metadata) -> bytes:
    if data[12:16] == b"VP8X":
        flags, sides, chunks = data[20], data[24:30], data[30:]
    else:
        # A bare picture: its sides are in the header of the frame.
        flags, chunks = 0, data[12:]
        if data[12:16] == b"VP8L":  # lossless
            (bits,) = struct.unpack_from("<I", data, 21)
            flags = _WEBP_ALPHA if bits >> 28 & 1 else 0
            less_one = bits & 0x3FFF, bits >> 14 & 0x3FFF
        else:
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
            less_one = width - 1, height - 1
        sides = b"".join(side.to_bytes(3, "little") for side in less_one)
    for flag, name, content in (
        (_WEBP_EXIF, b"EXIF", metadata.exif),
        (_WEBP_XMP, b"XMP ", metadata.xmp),
    ):
        if content:
            flags |= flag
            chunks += name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    chunks = b"WEBPVP8X" + struct.pack("<IBxxx", 10, flags) + sides + chunks
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


def _png(data: bytes, metadata: Metadata) -> bytes:
    added = b""
    metre = density(metadata.exif)
    if metre is not None:
        data = _without_chunk(data, b"pHYs")
        x, y = (min(round(one), 0x7FFFFFFF) for one in metre)
        added += chunk(b"pHYs", struct.pack(">IIB", x, y, 1))
    if metadata.exif:
        added += chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        added += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    return data[:_PNG_HEAD] + added + data[_PNG_HEAD:]


def _without_chunk(data: bytes, gone: bytes) -> bytes:
    """A PNG without a chunk that stands before the pixels."""
    for kind, start, length in chunks(data):
        if kind == gone:
            return data[: start - 8] + data[start + length + 4 :]
        if kind == b"IDAT":
            break
    return data


def _avif(data: bytes, metadata: Metadata) -> bytes:
    """See ISO/IEC 14496-12 for the boxes, 23008-12 for the items Exif and XMP."""
    kind_box, meta, mdat = _boxes(data)
    parts = _boxes(meta[1][4:])
    inside = dict(parts)
    items = []
    if metadata.exif:
        items.append((b"Exif\0", bytes(4) + metadata.exif))
    if metadata.xmp:
        items.append((b"mime\0application/rdf+xml\0\0", metadata.xmp))

    primary = inside[b"pitm"][4:6]
    count = int.from_bytes(inside[b"iinf"][4:6], "big")
    numbers = [count + 1 + at for at in range(len(items))]
    entries = b"".join(
        _box(b"infe", struct.pack(">IHH", 0x02000001, number, 0) + name)
        for number, (name, _) in zip(numbers, items, strict=True)
    )
    inside[b"iinf"] = struct.pack(">IH", 0, count + len(items)) + inside[b"iinf"][6:] + entries
    references = b"".join(
        _box(b"cdsc", struct.pack(">HH", number, 1) + primary) for number in numbers
    )
    inside[b"iref"] = inside.get(b"iref", bytes(4)) + references
    order = list(dict.fromkeys((*(name for name, _ in parts), b"iref")))

    def whole(moved: int) -> bytes:
        begin = len(data) + moved
        inside[b"iloc"] = _iloc(dict(parts)[b"iloc"], moved, begin, numbers, items)
        content = meta[1][:4] + b"".join(_box(name, inside[name]) for name in order)
        return _box(*kind_box) + _box(b"meta", content)

    moved = len(whole(0)) - (len(data) - len(mdat[1]) - 8)
    return whole(moved) + _box(b"mdat", mdat[1] + b"".join(content for _, content in items))


def _iloc(
    old: bytes, moved: int, begin: int, numbers: list[int], items: list[tuple[bytes, bytes]]
) -> bytes:
    """Where the items lie: the old ones `moved` bytes on, the new ones from `begin` on."""
    version_and_sizes, count = old[:6], int.from_bytes(old[6:8], "big")
    if version_and_sizes not in _PLACES:
        raise ValueError("libavif or libheif writes its files in another way than it did")
    place, base = _PLACES[version_and_sizes]
    places = []
    for *head, offset, length in place.iter_unpack(old[8 : 8 + place.size * count]):
        places.append(place.pack(*head, offset + moved, length))
    for number, (_, content) in zip(numbers, items, strict=True):
        places.append(place.pack(number, 0, *base, 1, begin, len(content)))
        begin += len(content)
    return version_and_sizes + struct.pack(">H", len(places)) + b"".join(places)


def _boxes(content: bytes) -> list[tuple[bytes, bytes]]:
    return [(kind, bytes(inside)) for kind, inside in boxes(memoryview(content))]


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def _jxl(data: bytes, metadata: Metadata) -> bytes:
    """The codestream in a box behind the metadata (ISO/IEC 18181-2)."""
    written = BOXED + _box(b"ftyp", b"jxl \0\0\0\0jxl ")
    if metadata.exif:
        written += _box(b"Exif", bytes(4) + metadata.exif)
    if metadata.xmp:
        written += _box(b"xml ", metadata.xmp)
    return written + _box(b"jxlc", data)


_WRITERS: Mapping[Format, Callable[[bytes, Metadata], bytes]] = {
    Format.JPEG: _jpeg,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.PNG: _png,
    Format.JXL: _jxl,
}
