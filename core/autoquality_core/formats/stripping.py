"""Cuts parts out of a file that its picture does not need. The coded picture stays as it is."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping

from autoquality_core.images.isobmff.boxes import boxes, only
from autoquality_core.images.isobmff.meta import Meta
from autoquality_core.images.jxl.container import BOXED, read_container
from autoquality_core.images.jxl.frames import read_frames
from autoquality_core.images.jxl.header import read_header
from autoquality_core.images.jxl.rewriting import with_srgb
from autoquality_core.images.png.chunks import OVERHEAD, SIGNATURE, chunks
from autoquality_core.types import Format

# A marker behind the coded pixels of a scan: neither a stuffed zero nor a restart.
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_END, _SCAN, _COMMENT = 0xD9, 0xDA, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_JFIF, _ADOBE = (0xE0, b"JFIF\0"), (0xEE, b"Adobe")
_ICC, _OTHER_IMAGES = (0xE2, b"ICC_PROFILE\0"), (0xE2, b"MPF\0")
_JFIF_BYTES = 14
"""Of a JFIF segment without a thumbnail."""

_WEBP_PICTURE = frozenset({b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"})
_WEBP_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}

_PNG_COLOURS = frozenset({b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"})
_PNG_PICTURE = _PNG_COLOURS | {b"IHDR", b"PLTE", b"tRNS", b"sBIT", b"pHYs", b"IDAT", b"IEND"}

_AVIF_FILE = frozenset({b"ftyp", b"meta", b"mdat", b"free"})
_AVIF_METADATA = frozenset({b"Exif", b"mime", b"uri "})
_ICC_COLOURS = frozenset({b"prof", b"rICC"})

_JXL_PICTURE = frozenset({b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp"})
_MOST_FRAMES = 1 << 20


def stripped(fmt: Format, data: bytes, *, metadata: bool, profile: bool) -> bytes | None:
    """A file without bytes behind its picture, and on request without metadata or ICC profile.

    `metadata` cuts everything that neither the pixels nor their colours or density depend on.
    Decoders give the same samples. None if the file is incomplete, if its structure is unusual, or
    if the format does not support such cuts.
    """
    strip = _STRIPPERS.get(fmt)
    try:
        return None if strip is None else strip(data, metadata, profile)
    except (ValueError, IndexError, struct.error):
        return None


def _jpeg(data: bytes, metadata: bool, profile: bool) -> bytes | None:
    """See ITU-T T.81, annex B."""
    parts, at = [data[:2]], 2
    while True:
        start = at
        if data[at] != 0xFF:
            return None
        while data[at] == 0xFF:  # fill bytes
            at += 1
        code = data[at]
        if code == _END:
            return b"".join((*parts, bytes((0xFF, _END))))
        (length,) = struct.unpack_from(">H", data, at + 1)
        content, at = data[at + 3 : at + 1 + length], at + 1 + length
        if code < 0xC0 or 0xD0 <= code < _END or length < 2 or at > len(data):
            return None
        if code == _SCAN:
            behind = _AFTER_SCAN.search(data, at)
            if behind is None:
                return None
            at = behind.start()
        parts.append(_segment(data[start:at], code, content, metadata, profile))


def _segment(whole: bytes, code: int, content: bytes, metadata: bool, profile: bool) -> bytes:
    """A segment of a JPEG as it stays: as it is, shorter or empty."""

    def is_a(kind: tuple[int, bytes]) -> bool:
        return (code, content[: len(kind[1])]) == kind

    if is_a(_ICC):
        return b"" if profile else whole
    if is_a(_OTHER_IMAGES):
        return b""  # lie behind the picture
    if not metadata or is_a(_ADOBE) or not (code in _APPLICATION or code == _COMMENT):
        return whole
    if is_a(_JFIF) and len(content) >= _JFIF_BYTES:
        thumbnail = any(content[12:_JFIF_BYTES])
        kept = content[:12] + b"\0\0"
        return struct.pack(">2BH", 0xFF, code, 2 + len(kept)) + kept if thumbnail else whole
    return b""


def _webp(data: bytes, metadata: bool, profile: bool) -> bytes | None:
    parts: list[bytes] = []
    at, flags = 12, 0
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    while at < end and (at == 12 or parts[0].startswith(b"VP8X")):
        kind, length = struct.unpack_from("<4sI", data, at)
        stop = at + 8 + length + length % 2
        if stop > end or stop > len(data):
            return None
        cut = profile if kind == b"ICCP" else metadata and kind not in _WEBP_PICTURE
        if cut:
            flags |= _WEBP_FLAGS.get(kind, 0)
        else:
            parts.append(data[at:stop])
        at = stop
    if parts[0].startswith(b"VP8X"):
        parts[0] = parts[0][:8] + bytes((parts[0][8] & ~flags,)) + parts[0][9:]
    content = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(content)) + content


def _png(data: bytes, metadata: bool, profile: bool) -> bytes | None:
    found = []
    for kind, start, length in chunks(data):
        found.append((kind, data[start - 8 : start - 8 + OVERHEAD + length]))
        if len(found[-1][1]) != OVERHEAD + length:
            return None
        if kind == b"IEND":
            break
    else:
        return None
    gone: frozenset[bytes] = frozenset()
    if profile and any(kind == b"iCCP" for kind, _ in found):
        gone = _PNG_COLOURS  # a reader would use the others instead
    parts = [
        part
        for kind, part in found
        if kind not in gone and not (metadata and kind not in _PNG_PICTURE)
    ]
    return SIGNATURE + b"".join(parts)


def _avif(data: bytes, metadata: bool, profile: bool) -> bytes | None:
    """The file, if there is nothing to cut: all places in it would move."""
    found = list(boxes(memoryview(data)))
    if not _AVIF_FILE.issuperset(kind for kind, _ in found):
        return None
    inside = list(boxes(only(found, b"meta")[4:]))
    properties = boxes(only(list(boxes(only(inside, b"iprp"))), b"ipco"))
    if profile and any(k == b"colr" and bytes(c[:4]) in _ICC_COLOURS for k, c in properties):
        return None
    items = Meta.read(data).items.values()
    if metadata and any(item.kind in _AVIF_METADATA for item in items):
        return None
    return data


def _jxl(data: bytes, metadata: bool, profile: bool) -> bytes | None:
    """The file, or its bare codestream if there is anything to cut (ISO/IEC 18181-2)."""
    codestream = read_container(data).codestream
    header = read_header(codestream)
    *_, last = read_frames(codestream, header, _MOST_FRAMES)
    if last.end > 8 * len(codestream):
        return None
    cuts_profile = profile and header.profile is not None
    if data.startswith(BOXED):
        kinds = {kind for kind, _ in boxes(memoryview(data))}
        if not cuts_profile and not (metadata and kinds - _JXL_PICTURE):
            return data
        if not metadata or b"jxll" in kinds:  # the level has a place in a box only
            return None
    picture = codestream[: last.end // 8]
    if cuts_profile:
        return None if header.xyb else with_srgb(picture, header)
    return bytes(picture)


_STRIPPERS: Mapping[Format, Callable[[bytes, bool, bool], bytes | None]] = {
    Format.JPEG: _jpeg,
    Format.WEBP: _webp,
    Format.AVIF: _avif,
    Format.PNG: _png,
    Format.JXL: _jxl,
}
