"""IPTC records (IPTC-IIM 4.2), and the Photoshop segment of a JPEG that holds them."""

from __future__ import annotations

import struct

_SEGMENT = b"Photoshop 3.0\0"
_RESOURCE = 0x0404
_BYLINE, _NOTICE = b"\x50", b"\x74"

_MOST_BYTES = 1 << 18


def records_of(data: bytes) -> bytes:
    """The IPTC records in a Photoshop segment, or `data` itself if it consists of records.

    A segment may also hold a thumbnail, a density and more.
    """
    if data[:1] == b"\x1c":
        return data.rstrip(b"\0")
    at = len(_SEGMENT) if data.startswith(_SEGMENT) else 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data) and at < _MOST_BYTES:
        (number,) = struct.unpack_from(">H", data, at + 4)
        at += 6 + (data[at + 6] + 2) // 2 * 2
        if at + 4 > len(data):
            break
        (size,) = struct.unpack_from(">I", data, at)
        if number == _RESOURCE:
            return data[at + 4 : at + 4 + size]
        at += 4 + (size + 1) // 2 * 2
    return b""


def photoshop_segment(records: bytes) -> bytes:
    """The content of a JPEG segment that holds IPTC records."""
    head = struct.pack(">4sHxxI", b"8BIM", _RESOURCE, len(records))
    return _SEGMENT + head + records + bytes(len(records) % 2)


def author_and_copyright(records: bytes) -> tuple[bytes, bytes]:
    """The by-lines and the copyright notice in UTF-8; empty if absent."""
    found: dict[bytes, list[bytes]] = {_BYLINE: [], _NOTICE: []}
    at = 0
    while records[at : at + 1] == b"\x1c" and at + 5 <= len(records) and at < _MOST_BYTES:
        (size,) = struct.unpack_from(">H", records, at + 3)
        if records[at + 1] == 2 and records[at + 2 : at + 3] in found:
            value = _utf8(records[at + 5 : at + 5 + size]).strip(b"\0 ")
            if value:
                found[records[at + 2 : at + 3]].append(value)
        at += 5 + size
    return b"; ".join(found[_BYLINE]), b"; ".join(found[_NOTICE])


def _utf8(value: bytes) -> bytes:
    """A text in UTF-8. Its encoding is rarely declared: Latin-1 if it is not valid UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1").encode()
    return value
