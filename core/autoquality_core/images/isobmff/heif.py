"""What the boxes of a HEIF or AVIF say: what decoding takes, the colours, the kind of alpha.

libheif holds each coded picture against the size that the file gives for it.
An image that is put together (of tiles, or cropped) it first makes as large as
its parts say, and compares then: a file of 500 bytes that claims 16 x 16 pixels
could take a gigabyte. So the parts are looked at here, before libvips is asked
(ISO/IEC 14496-12 for the boxes, 23008-12 for the images in them).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from autoquality_core.images.colour.cicp import Colours, from_codes
from autoquality_core.images.isobmff.av1 import colour_codes
from autoquality_core.images.isobmff.boxes import Cursor, boxes, full, only
from autoquality_core.types import Data

_CODED = frozenset({b"av01", b"hvc1", b"avc1", b"vvc1", b"jpeg", b"j2k1"})

# libheif itself stops at fewer items and references than these.
_MOST_ENTRIES = 65536
_DEEPEST = 4
_UNSPECIFIED = 2

_GRID_BYTES = 12
"""What describes a grid has no more."""

_GENEROUS = 4
"""Tiles may reach over the edges of the whole: together they have less than so many times its
pixels, at least where there are several rows and columns of them."""


def decoded_pixels(data: Data) -> int:
    """The pixels that are made on the way to the primary image: its own or those of its parts.

    Raises ValueError for a file that cannot be followed, and for images that
    are put together in a way that no camera or encoder uses (overlays).
    """
    try:
        return _File.read(memoryview(data)).cost()
    except struct.error:
        raise ValueError("a box is too short") from None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the samples of the primary image mean: None for colours of sRGB."""

    colours: Colours | None = None
    premultiplied: bool = False


def meaning(data: Data) -> Meaning:
    """What the boxes, or else the AV1 bitstream, say of the samples of the primary image."""
    try:
        file = _File.read(memoryview(data))
        colours = from_codes(*file.codes())
    except (ValueError, struct.error):
        return Meaning()
    return Meaning(colours, file.primary in file.premultiplied)


@dataclass(slots=True)
class _File:
    """What the boxes say of the items, by their numbers."""

    data: memoryview
    idat: memoryview = field(default_factory=lambda: memoryview(b""))
    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    areas: dict[int, int] = field(default_factory=dict)
    colours: dict[int, tuple[int, int]] = field(default_factory=dict)
    premultiplied: set[int] = field(default_factory=set)
    places: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    helpers: dict[int, list[int]] = field(default_factory=dict)
    known: dict[int, int] = field(default_factory=dict)
    left: int = _MOST_ENTRIES

    @classmethod
    def read(cls, data: memoryview) -> _File:
        """Read the boxes that matter."""
        made = cls(data)
        inside = list(boxes(only(list(boxes(data, lenient=True)), b"meta")[4:]))
        made.idat = next((content for kind, content in inside if kind == b"idat"), made.idat)
        version, pitm = full(only(inside, b"pitm"))
        made.primary = pitm.take(4 if version else 2)
        made._read_kinds(only(inside, b"iinf"))
        made._read_places(only(inside, b"iloc"))
        made._read_sizes(only(inside, b"iprp"))
        for kind, content in inside:
            if kind == b"iref":
                made._read_references(content)
        return made

    def cost(self) -> int:
        """Of the primary image, and of its alpha if that takes more."""
        masks = self.helpers.get(self.primary, [])
        return max(self._cost(item, 0) for item in (self.primary, *masks))

    def codes(self) -> tuple[int, int]:
        """The code points of primaries and transfer: of the primary image, or of its first part."""
        items = [self.primary, *self.parts.get(self.primary, ())[:1]]
        for item in items:
            if item in self.colours:
                return self.colours[item]
        found = None
        places = self.places.get(items[-1], [])
        if self.kinds.get(items[-1]) == b"av01" and len(places) == 1:
            inside, start, length = places[0]
            stream = (self.idat if inside else self.data)[start : start + length]
            found = colour_codes(bytes(stream))
        return found or (_UNSPECIFIED, _UNSPECIFIED)

    def _cost(self, item: int, depth: int) -> int:
        if item not in self.known:
            kind, area = self.kinds.get(item), self.areas.get(item, 0)
            if depth > _DEEPEST or area == 0:
                raise ValueError("an image without a size, or within itself")
            parts = [self._cost(part, depth + 1) for part in self.parts.get(item, ())]
            if kind == b"grid":
                area = max(area, self._grid_area(item))
            elif kind != b"iden" and kind not in _CODED:
                raise ValueError("an unusual kind of image")
            together = sum(parts)
            self.known[item] = together if together > _GENEROUS * area else max(area, *parts, 0)
        return self.known[item]

    def _grid_area(self, item: int) -> int:
        """The pixels that tiles are laid out on."""
        payload = b""
        for inside, start, length in self.places.get(item, ()):
            stop = start + min(length, _GRID_BYTES - len(payload))
            payload += (self.idat if inside else self.data)[start:stop]
            if len(payload) >= _GRID_BYTES:
                break
        flags = struct.unpack_from(">BB", payload)[1]
        width, height = struct.unpack_from(">II" if flags & 1 else ">HH", payload, 4)
        return int(width * height)

    def _rounds(self, count: int) -> range:
        """As many rounds as a file says that there are entries, unless all of it has too many.

        An entry may take no bytes of the file, and lists of lists multiply.
        """
        self.left -= count
        if self.left < 0:
            raise ValueError("too many entries")
        return range(count)

    def _read_kinds(self, iinf: memoryview) -> None:
        version, entries = full(iinf)
        entries.take(4 if version else 2)
        for kind, content in boxes(entries.rest()):
            version, entry = full(content)
            if kind == b"infe" and version >= 2:
                item = entry.take(2 if version == 2 else 4)
                entry.take(2)
                self.kinds[item] = bytes(entry.rest()[:4])

    def _read_places(self, iloc: memoryview) -> None:
        version, entries = full(iloc)
        sizes = entries.take(2)
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        for _ in self._rounds(entries.take(2 if version < 2 else 4)):
            item = entries.take(2 if version < 2 else 4)
            method = entries.take(2) & 15 if version else 0
            entries.take(2)
            begin = entries.take(base)
            found = []
            for _ in self._rounds(entries.take(2)):
                entries.take(index if version else 0)
                found.append((method, begin + entries.take(offset), entries.take(length)))
            self.places[item] = found

    def _read_sizes(self, iprp: memoryview) -> None:
        inside = list(boxes(iprp))
        known = list(boxes(only(inside, b"ipco")))
        properties = [_area(content) if kind == b"ispe" else 0 for kind, content in known]
        codes = [_codes(content) if kind == b"colr" else None for kind, content in known]
        for content in (content for kind, content in inside if kind == b"ipma"):
            version, flags = content[0], content[3] & 1
            entries = Cursor(content[4:])
            for _ in self._rounds(entries.take(4)):
                item = entries.take(4 if version else 2)
                for _ in self._rounds(entries.take(1)):
                    at = entries.take(2) & 0x7FFF if flags else entries.take(1) & 0x7F
                    if not 1 <= at <= len(known):
                        continue
                    self.areas[item] = max(self.areas.get(item, 0), properties[at - 1])
                    if (found := codes[at - 1]) is not None:
                        self.colours.setdefault(item, found)

    def _read_references(self, iref: memoryview) -> None:
        version, inside = full(iref)
        size = 4 if version else 2
        for kind, content in boxes(inside.rest()):
            entries = Cursor(content)
            origin = entries.take(size)
            targets = [entries.take(size) for _ in self._rounds(entries.take(2))]
            if kind == b"dimg":
                self.parts.setdefault(origin, []).extend(targets)
            elif kind == b"prem":
                self.premultiplied.add(origin)
            elif kind == b"auxl":
                for target in targets:
                    self.helpers.setdefault(target, []).append(origin)


def _area(ispe: memoryview) -> int:
    width, height = struct.unpack_from(">4x2I", ispe)
    return int(width * height)


def _codes(colr: memoryview) -> tuple[int, int] | None:
    """The code points of primaries and transfer of a colour box that has them."""
    if bytes(colr[:4]) != b"nclx":
        return None
    primaries, transfer = struct.unpack_from(">HH", colr, 4)
    return int(primaries), int(transfer)
