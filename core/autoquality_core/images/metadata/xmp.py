"""XMP without what announces images that lie behind a JPEG's, and are not kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

_GONE = frozenset(
    {
        "http://ns.adobe.com/hdr-gain-map/1.0/",
        "http://ns.apple.com/HDRGainMap/1.0/",
        "http://ns.google.com/photos/1.0/container/",
        "http://ns.google.com/photos/1.0/container/item/",
    }
)
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")

_MOST_BYTES = 4 << 20

_TAG = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=:]+):([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")


def without_announcements(xmp: bytes) -> bytes | None:
    """`xmp` without its properties of gain maps and of containers of several images.

    None where these are mentioned but cannot be cut out: then nothing of it can
    be kept. XMP that mentions none is returned as it is.
    """
    if not any(name.encode(encoding) in xmp for name in _GONE for encoding in _ENCODINGS):
        return xmp
    if len(xmp) > _MOST_BYTES:
        return None
    text = xmp.rstrip(b"\0")
    try:
        spans = _Finder(text).spans()
    except (expat.ExpatError, ValueError):
        return None
    kept = bytearray(text)
    for start, end in sorted(spans, reverse=True):
        del kept[start:end]
    return bytes(kept)


@dataclass(slots=True)
class _Finder:
    """Finds what to cut out; expat knows what belongs to which namespace, and where it is."""

    text: bytes
    found: list[tuple[int, int]] = field(default_factory=list)
    prefixes: dict[str, str] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)
    """Where each element begins that is inside one to cut out, that one first."""

    def spans(self) -> list[tuple[int, int]]:
        """Beginnings and ends; they do not overlap. Raises ExpatError and ValueError."""
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
        if self.open or _namespace(name) in _GONE:
            self.open.append(at)
            return
        cut = 0
        for match in _ATTRIBUTE.finditer(self.text, at, self._tag_end(at)):
            prefix, local, value = (part.decode() for part in match.groups())
            declares = prefix == "xmlns" and value[1:-1] in _GONE
            gone = self.prefixes.get(prefix) in _GONE and local
            cut += bool(gone)
            if declares or gone:
                self.found.append(match.span())
        if cut != sum(_namespace(each) in _GONE for each in attributes):
            raise ValueError("an attribute was not found")

    def _end(self, at: int) -> None:
        if not self.open:
            return
        start = self.open.pop()
        if not self.open:
            end = self._tag_end(start)
            empty = self.text[end - 2 : end] == b"/>"  # expat is behind such a tag already
            self.found.append((start, end if empty else self._tag_end(at)))

    def _tag_end(self, at: int) -> int:
        tag = _TAG.match(self.text, at)
        if tag is None:
            raise ValueError("not a tag")
        return tag.end()


def _namespace(name: str) -> str:
    return name.rpartition(" ")[0]


def _refuse(*_: Any) -> None:
    raise ValueError("XMP has no document type")
