"""Copyright and author in PNG, XMP and IPTC, and what must not be kept of XMP and IPTC."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Collection, Iterator
from itertools import islice
from xml.etree import ElementTree as ET

from autoquality_core.images.png.chunks import chunks
from autoquality_core.types import Data

_MOST_CHUNKS = 10_000
_MOST_TEXT = 1 << 16
_MOST_XMP = 1 << 20
_MOST_PREFIXES = 8
_MOST_IPTC = 1 << 18

_PNG_KINDS = (b"tEXt", b"zTXt", b"iTXt", b"pHYs")

_TIFF = "http://ns.adobe.com/tiff/1.0/"
_BASIC = "http://ns.adobe.com/xap/1.0/"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
_AUTHORS = (f"{_DC}creator", f"{{{_TIFF}}}Artist", f"{_RIGHTS}Owner")
_COPYRIGHTS = (f"{_DC}rights", f"{{{_TIFF}}}Copyright", f"{_RIGHTS}UsageTerms")

_WANTED = frozenset({*_AUTHORS, *_COPYRIGHTS})

_PHOTOSHOP = b"Photoshop 3.0\0"
_IPTC_RESOURCE = 0x0404
_BYLINE, _NOTICE = b"\x50", b"\x74"


def png_texts(data: Data, keywords: Collection[str]) -> dict[str, bytes]:
    """The texts of a PNG with these keywords, in UTF-8. The first of several counts."""
    found: dict[str, bytes] = {}
    for kind, content in _png_chunks(data):
        keyword, _, rest = content.partition(b"\0")
        name = keyword.decode("latin-1")
        if kind != b"pHYs" and name in keywords and name not in found:
            text = _png_text(kind, rest)
            if text:
                found[name] = text
    return found


def png_density(data: Data) -> tuple[int, int]:
    """Pixels a metre of a PNG, across and down; 0 if it has none."""
    for kind, content in _png_chunks(data):
        if kind == b"pHYs" and len(content) == 9 and content[8] == 1:
            x, y = struct.unpack_from(">II", content)
            return x, y
    return 0, 0


def xmp_of_gif(data: Data) -> bytes:
    """The XMP of a GIF, which libvips does not read; empty if it has none."""
    begin = re.compile(rb"!\xff\x0bXMP DataXMP").search(data)
    end = begin and re.compile(rb"\x01\xff\xfe").search(data, begin.end())
    return bytes(data[begin.end() : end.start()]) if begin and end else b""


def xmp_texts(xmp: bytes) -> tuple[bytes, bytes]:
    """The author and the copyright in an XMP packet; empty if it has none."""
    if len(xmp) > _MOST_XMP or b"<!" in xmp.replace(b"<!--", b""):
        return b"", b""  # XMP has no declarations, and entities could grow without end
    try:
        # As text, so that the packet cannot name another encoding and hide a declaration.
        root = ET.fromstring(xmp.decode().strip("\0\ufeff \r\n\t"))  # noqa: S314
    except (ET.ParseError, ValueError):
        return b"", b""
    told: dict[str, str] = {}
    for one in root.iter():
        inside = [(one.tag, _values(one))] if one.tag in _WANTED else []
        for name, value in (*inside, *one.attrib.items()):
            if name in _WANTED and value.strip():
                told.setdefault(name, value.strip())

    def first(names: tuple[str, ...]) -> bytes:
        return next((told[name] for name in names if name in told), "").encode()

    return first(_AUTHORS), first(_COPYRIGHTS)


def cleaned_xmp(xmp: bytes) -> bytes:
    """XMP for the upright image: tiff:Orientation 1, and no thumbnails."""
    for prefix in _prefixes(xmp, _TIFF):
        name = prefix + rb":Orientation"
        attribute = rb"(\b" + name + rb"\s*=\s*[\"'])[^\"'<>]*"
        element = rb"(<" + name + rb"(?:\s[^<>]*)?>)[^<>]*(?=</)"
        xmp = re.sub(attribute, rb"\g<1>1", xmp)
        xmp = re.sub(element, rb"\g<1>1", xmp)
    for prefix in _prefixes(xmp, _BASIC):
        name = prefix + rb":Thumbnails"
        xmp = re.sub(rb"<" + name + rb"\b[^<>]*/>", b"", xmp)
        before, *others = re.split(rb"<" + name + rb"\b[^<>]*>", xmp)
        end = re.compile(rb"</" + name + rb"\s*>")
        xmp = before + b"".join(end.split(one, maxsplit=1)[-1] for one in others)
    return xmp


def iptc_records(data: bytes) -> bytes:
    """The IPTC records of a Photoshop segment, or `data` if it consists of them.

    A segment may also hold a thumbnail, a resolution and more.
    """
    if data[:1] == b"\x1c":
        return data.rstrip(b"\0")
    at = len(_PHOTOSHOP) if data.startswith(_PHOTOSHOP) else 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data) and at < _MOST_IPTC:
        (number,) = struct.unpack_from(">H", data, at + 4)
        at += 6 + (data[at + 6] + 2) // 2 * 2
        if at + 4 > len(data):
            break
        (size,) = struct.unpack_from(">I", data, at)
        if number == _IPTC_RESOURCE:
            return data[at + 4 : at + 4 + size]
        at += 4 + (size + 1) // 2 * 2
    return b""


def photoshop_segment(records: bytes) -> bytes:
    """The content of a JPEG segment that holds IPTC records."""
    head = struct.pack(">4sHxxI", b"8BIM", _IPTC_RESOURCE, len(records))
    return _PHOTOSHOP + head + records + bytes(len(records) % 2)


def iptc_texts(records: bytes) -> tuple[bytes, bytes]:
    """The by-lines and the copyright notice of IPTC records, in UTF-8; empty if there is none."""
    found: dict[bytes, list[bytes]] = {_BYLINE: [], _NOTICE: []}
    at = 0
    while records[at : at + 1] == b"\x1c" and at + 5 <= len(records) and at < _MOST_IPTC:
        (size,) = struct.unpack_from(">H", records, at + 3)
        if records[at + 1] == 2 and records[at + 2 : at + 3] in found:
            value = _utf8(records[at + 5 : at + 5 + size]).strip(b"\0 ")
            if value:
                found[records[at + 2 : at + 3]].append(value)
        at += 5 + size
    return b"; ".join(found[_BYLINE]), b"; ".join(found[_NOTICE])


def _png_chunks(data: Data) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of the chunks that hold text or the density."""
    for kind, start, length in islice(chunks(data), _MOST_CHUNKS):
        if kind in _PNG_KINDS:
            yield kind, bytes(data[start : start + min(length, _MOST_TEXT)])


def _png_text(kind: bytes, rest: bytes) -> bytes:
    if kind == b"tEXt":
        return rest.decode("latin-1").encode().strip()
    if kind == b"zTXt":
        return _inflated(rest[1:]).decode("latin-1").encode().strip()
    compressed, rest = rest[:1] == b"\1", rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _keyword, _, rest = rest.partition(b"\0")
    return (_inflated(rest) if compressed else rest).strip()


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, _MOST_TEXT)
    except zlib.error:
        return b""


def _values(one: ET.Element) -> str:
    """The text of a property or of its list: all names, or the text in the default language."""
    items = one.findall(f"./*/{_RDF}li")
    if not items:
        return one.text or ""
    texts = [item.text.strip() for item in items if item.text and item.text.strip()]
    return (texts or [""])[0] if one.find(f"./{_RDF}Alt") is not None else "; ".join(texts)


def _prefixes(xmp: bytes, namespace: str) -> list[bytes]:
    """What stands for a namespace in a packet."""
    bound = rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(namespace.encode()) + rb"[\"']"
    prefixes = {re.escape(prefix) for prefix in re.findall(bound, xmp)}
    return sorted(prefixes)[:_MOST_PREFIXES]


def _utf8(value: bytes) -> bytes:
    """A text of IPTC, whose encoding is seldom declared."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1").encode()
    return value
