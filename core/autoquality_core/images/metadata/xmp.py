"""XMP packets: reading author and copyright, and removing properties that become wrong.

The orientation becomes 1. Thumbnails are removed, and so are properties that announce
further images in the file (gain maps, containers of several images).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

from autoquality_core.types import Data

_MOST_READ = 1 << 20
_MOST_CUT = 4 << 20
_MOST_PREFIXES = 8

_TIFF = "http://ns.adobe.com/tiff/1.0/"
_BASIC = "http://ns.adobe.com/xap/1.0/"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
_AUTHORS = (f"{_DC}creator", f"{{{_TIFF}}}Artist", f"{_RIGHTS}Owner")
_COPYRIGHTS = (f"{_DC}rights", f"{{{_TIFF}}}Copyright", f"{_RIGHTS}UsageTerms")

_ANNOUNCEMENTS = frozenset(
    {
        "http://ns.adobe.com/hdr-gain-map/1.0/",
        "http://ns.apple.com/HDRGainMap/1.0/",
        "http://ns.google.com/photos/1.0/container/",
        "http://ns.google.com/photos/1.0/container/item/",
    }
)
"""Namespaces whose properties announce further images."""

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")

_TAG = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=:]+):([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")


def packet_of_gif(data: Data) -> bytes:
    """The XMP of a GIF, which libvips does not read; empty if absent."""
    begin = re.compile(rb"!\xff\x0bXMP DataXMP").search(data)
    end = begin and re.compile(rb"\x01\xff\xfe").search(data, begin.end())
    return bytes(data[begin.end() : end.start()]) if begin and end else b""


def author_and_copyright(xmp: bytes) -> tuple[bytes, bytes]:
    """The author and the copyright in a packet, in UTF-8; empty if absent."""
    if len(xmp) > _MOST_READ or b"<!" in xmp.replace(b"<!--", b""):
        return b"", b""  # XMP has no declarations, and entities could grow without limit
    try:
        # As text, so that the packet cannot name another encoding and hide a declaration.
        root = ET.fromstring(xmp.decode().strip("\0\ufeff \r\n\t"))  # noqa: S314
    except (ET.ParseError, ValueError):
        return b"", b""
    names = {*_AUTHORS, *_COPYRIGHTS}
    found: dict[str, str] = {}
    for element in root.iter():
        own = [(element.tag, _text(element))] if element.tag in names else []
        for name, value in (*own, *element.attrib.items()):
            if name in names and value.strip():
                found.setdefault(name, value.strip())

    def first(names: tuple[str, ...]) -> bytes:
        return next((found[name] for name in names if name in found), "").encode()

    return first(_AUTHORS), first(_COPYRIGHTS)


def upright(xmp: bytes) -> bytes:
    """XMP for the upright image: tiff:Orientation is 1, and thumbnails are removed."""
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


def without_announcements(xmp: bytes) -> bytes | None:
    """`xmp` without properties that announce further images in the file.

    None if it mentions them, but they cannot be cut out: then no part of it can be kept.
    XMP that mentions none is returned unchanged.
    """
    if not any(name.encode(encoding) in xmp for name in _ANNOUNCEMENTS for encoding in _ENCODINGS):
        return xmp
    if len(xmp) > _MOST_CUT:
        return None
    text = xmp.rstrip(b"\0")
    try:
        spans = _AnnouncementFinder(text).spans()
    except (expat.ExpatError, ValueError):
        return None
    kept = bytearray(text)
    for start, end in sorted(spans, reverse=True):
        del kept[start:end]
    return bytes(kept)


@dataclass(slots=True)
class _AnnouncementFinder:
    """Finds the places to cut out. expat resolves namespaces and reports positions."""

    text: bytes
    found: list[tuple[int, int]] = field(default_factory=list)
    prefixes: dict[str, str] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    """The start of the element to cut out, and of each open element inside it."""

    def spans(self) -> list[tuple[int, int]]:
        """Start and end of each place; they do not overlap. Raises ExpatError and ValueError."""
        parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        parser.StartDoctypeDeclHandler = _refuse
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartElementHandler = lambda name, attributes: self._start(
            name, attributes, parser.CurrentByteIndex
        )
        parser.EndElementHandler = lambda _: self._end(parser.CurrentByteIndex)
        parser.Parse(self.text, True)
        return self.found

    def _declare(self, prefix: str | None, uri: str) -> None:
        if self.prefixes.setdefault(prefix or "", uri) != uri:
            raise ValueError("a prefix has two meanings")

    def _start(self, name: str, attributes: dict[str, str], at: int) -> None:
        if self.open or _namespace(name) in _ANNOUNCEMENTS:
            self.open.append(at)
            return
        cut = 0
        for match in _ATTRIBUTE.finditer(self.text, at, self._tag_end(at)):
            prefix, _, value = (part.decode() for part in match.groups())
            declares = prefix == "xmlns" and value[1:-1] in _ANNOUNCEMENTS
            announces = self.prefixes.get(prefix) in _ANNOUNCEMENTS
            cut += announces
            if declares or announces:
                self.found.append(match.span())
        if cut != sum(_namespace(each) in _ANNOUNCEMENTS for each in attributes):
            raise ValueError("an attribute was not found")

    def _end(self, at: int) -> None:
        if not self.open:
            return
        start = self.open.pop()
        if not self.open:
            end = self._tag_end(start)
            empty = self.text[end - 2 : end] == b"/>"  # expat is already behind such a tag
            self.found.append((start, end if empty else self._tag_end(at)))

    def _tag_end(self, at: int) -> int:
        tag = _TAG.match(self.text, at)
        if tag is None:
            raise ValueError("not a tag")
        return tag.end()


def _text(element: ET.Element) -> str:
    """The text of a property, or of its list: all names, or the text in the default language."""
    items = element.findall(f"./*/{_RDF}li")
    if not items:
        return element.text or ""
    texts = [item.text.strip() for item in items if item.text and item.text.strip()]
    one_language = element.find(f"./{_RDF}Alt") is not None
    return (texts or [""])[0] if one_language else "; ".join(texts)


def _prefixes(xmp: bytes, namespace: str) -> list[bytes]:
    """The prefixes that a packet uses for a namespace, escaped for regular expressions."""
    bound = rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(namespace.encode()) + rb"[\"']"
    prefixes = {re.escape(prefix) for prefix in re.findall(bound, xmp)}
    return sorted(prefixes)[:_MOST_PREFIXES]


def _namespace(name: str) -> str:
    return name.rpartition(" ")[0]


def _refuse(*_: Any) -> None:
    raise ValueError("XMP has no document type")
