"""The `meta` box of a HEIF or AVIF file: its images and their relations (ISO/IEC 23008-12).

libheif compares each coded picture with the size that the file states for it. An image
may consist of others (tiles, or a crop). libheif then compares too late, after it has
allocated memory for all parts: a file of 500 bytes that claims 16 x 16 pixels could take
a gigabyte. So the parts are measured here, before libvips opens the file.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from autoquality_core.images.colour.cicp import Colours, from_codes
from autoquality_core.images.isobmff.av1 import colour_codes
from autoquality_core.images.isobmff.boxes import BitReader, boxes, full, only
from autoquality_core.types import Data

_CODED = frozenset({b"av01", b"hvc1", b"avc1", b"vvc1", b"jpeg", b"j2k1"})
_IMAGES = _CODED | {b"grid", b"iden", b"iovl"}
_HIDDEN = 1

_ROTATION, _MIRROR = b"irot", b"imir"
TURNS = frozenset({_ROTATION, _MIRROR})
_ORIENTATIONS = {-1: (1, 8, 3, 6), 0: (4, 5, 2, 7), 1: (2, 7, 4, 5)}
"""EXIF's, by the axis of mirroring (-1 for none) and the quarters of a rotation to the left."""

# In the third byte of av1C.
_HIGH_BIT_DEPTH, _TWELVE_BITS, _MONOCHROME = 0x40, 0x20, 0x10

_TONE_MAPPED = b"tmap"
_APPLE_GAIN_MAP = b"urn:com:apple:photo:2020:aux:hdrgainmap"

# libheif itself allows fewer items and references.
_MOST_ENTRIES = 65536
_DEEPEST = 4

_GRID_BYTES = 12
"""The longest description of a grid."""

_GENEROUS = 4
"""Tiles may reach beyond the edges of the whole image. Together they have less than this many
times its pixels, at least if there are several rows and columns."""


class Extent(NamedTuple):
    """Where a part of an item's data lies: in the file (method 0), or in the box `idat`."""

    method: int
    start: int
    length: int


@dataclass(slots=True)
class Item:
    """An image or a block of metadata.

    `area` is in pixels. `codes` are the code points of primaries and transfer. `turns` are the
    boxes that rotate or mirror it. `parts` are the images that an image consists of, `masks` its
    alpha and depth images. `dependent` marks tiles, thumbnails, masks and alternatives.
    """

    kind: bytes = b""
    hidden: bool = False
    dependent: bool = False
    premultiplied: bool = False
    monochrome: bool = False
    area: int = 0
    codes: tuple[int, int] | None = None
    turns: list[tuple[bytes, int]] = field(default_factory=list)
    extents: list[Extent] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    masks: list[int] = field(default_factory=list)
    decoded_pixels: int | None = None


@dataclass(slots=True)
class Meta:
    """The items of a file, by their numbers; `gain_map` says that there is one for HDR screens."""

    data: memoryview
    idat: memoryview = field(default_factory=lambda: memoryview(b""))
    items: defaultdict[int, Item] = field(default_factory=lambda: defaultdict(Item))
    primary: int = 0
    gain_map: bool = False
    _entries_left: int = _MOST_ENTRIES

    @classmethod
    def read(cls, data: Data) -> Meta:
        """Read the boxes. Raises ValueError if they are damaged or ambiguous."""
        meta = cls(memoryview(data))
        inside = list(boxes(only(list(boxes(meta.data, lenient=True)), b"meta")[4:]))
        meta.idat = next((content for kind, content in inside if kind == b"idat"), meta.idat)
        version, _, pitm = full(only(inside, b"pitm"))
        meta.primary = pitm.uint(4 if version else 2)
        meta._read_kinds(only(inside, b"iinf"))
        meta._read_extents(only(inside, b"iloc"))
        meta._read_properties(only(inside, b"iprp"))
        for kind, content in inside:
            if kind == b"iref":
                meta._read_references(content)
            elif kind == b"grpl":
                meta._read_groups(content)
        return meta

    @property
    def decoded_pixels(self) -> int:
        """The pixels that a decoder makes for the primary image, or for its alpha if that has more.

        These are its own pixels, or those of its parts. Raises ValueError for parts
        that cannot be followed, and for overlays, which no camera or encoder writes.
        """
        masks = self.items[self.primary].masks
        return max(self._decoded_pixels(number, 0) for number in (self.primary, *masks))

    def images(self) -> int:
        """How many images a viewer shows on their own; libheif's own count includes tiles."""
        return 1 + sum(
            item.kind in _IMAGES and not (item.hidden or item.dependent)
            for number, item in self.items.items()
            if number != self.primary
        )

    def colours(self) -> Colours | None:
        """The colours of the primary image by its boxes, or else its AV1; None for sRGB."""
        item = self.items[self.primary]
        if item.codes is None and item.parts:
            item = self.items[item.parts[0]]
        codes = item.codes
        if codes is None and item.kind == b"av01" and len(item.extents) == 1:
            with suppress(ValueError):
                codes = colour_codes(self.content(item.extents[0]))
        return None if codes is None else from_codes(*codes)

    @property
    def premultiplied(self) -> bool:
        return self.items[self.primary].premultiplied

    @property
    def monochrome(self) -> bool:
        """Whether the primary image is an AV1 picture, or consists of some, without colours."""
        item = self.items[self.primary]
        return (self.items[item.parts[0]] if item.parts else item).monochrome

    def content(self, extent: Extent, most: int | None = None) -> bytes:
        """The bytes of an extent, at most `most` of them."""
        length = extent.length if most is None else min(extent.length, most)
        source = self.idat if extent.method else self.data
        return bytes(source[extent.start : extent.start + length])

    def _decoded_pixels(self, number: int, depth: int) -> int:
        item = self.items[number]
        if item.decoded_pixels is None:
            area = item.area
            if depth > _DEEPEST or area == 0:
                raise ValueError("an image without a size, or within itself")
            parts = [self._decoded_pixels(part, depth + 1) for part in item.parts]
            if item.kind == b"grid":
                area = max(area, self._grid_area(item))
            elif item.kind != b"iden" and item.kind not in _CODED:
                raise ValueError("an unusual kind of image")
            together = sum(parts)
            larger = max(area, *parts, 0)
            item.decoded_pixels = together if together > _GENEROUS * area else larger
        return item.decoded_pixels

    def _grid_area(self, item: Item) -> int:
        """The pixels of the area that a grid lays its tiles out on."""
        payload = b""
        for extent in item.extents:
            payload += self.content(extent, _GRID_BYTES - len(payload))
            if len(payload) >= _GRID_BYTES:
                break
        reader = BitReader(payload)
        reader.uint(1)  # version
        size = 4 if reader.uint(1) & 1 else 2
        reader.uint(2)  # rows and columns
        return reader.uint(size) * reader.uint(size)

    def _entries(self, count: int) -> range:
        """A range of `count` entries, as a list in the file announces. ValueError for too many.

        An entry may take no bytes of the file, and nested lists multiply, so the
        entries of all lists count together.
        """
        self._entries_left -= count
        if self._entries_left < 0:
            raise ValueError("too many entries")
        return range(count)

    def _read_kinds(self, iinf: memoryview) -> None:
        version, _, entries = full(iinf)
        entries.uint(4 if version else 2)
        for name, content in boxes(entries.rest()):
            version, flags, entry = full(content)
            if name == b"infe" and version >= 2:
                item = self.items[entry.uint(2 if version == 2 else 4)]
                entry.uint(2)
                item.kind = bytes(entry.rest()[:4])
                item.hidden = bool(flags & _HIDDEN)
                self.gain_map |= item.kind == _TONE_MAPPED

    def _read_extents(self, iloc: memoryview) -> None:
        version, _, entries = full(iloc)
        offset, length, base, index = (entries.bits(4) for _ in range(4))
        size = 2 if version < 2 else 4
        for _ in self._entries(entries.uint(size)):
            item = self.items[entries.uint(size)]
            method = entries.uint(2) & 15 if version else 0
            entries.uint(2)
            begin = entries.uint(base)
            item.extents = []
            for _ in self._entries(entries.uint(2)):
                entries.uint(index if version else 0)
                start = begin + entries.uint(offset)
                item.extents.append(Extent(method, start, entries.uint(length)))

    def _read_properties(self, iprp: memoryview) -> None:
        inside = list(boxes(iprp))
        properties = list(boxes(only(inside, b"ipco")))
        self.gain_map |= any(
            kind == b"auxC" and bytes(content[4:]).startswith(_APPLE_GAIN_MAP)
            for kind, content in properties
        )
        areas = [
            math.prod(sides_of(content)) if kind == b"ispe" else 0 for kind, content in properties
        ]
        codes = [_codes(content) if kind == b"colr" else None for kind, content in properties]
        for content in (content for kind, content in inside if kind == b"ipma"):
            for item, at in self._associations(content):
                if 1 <= at <= len(properties):
                    item.area = max(item.area, areas[at - 1])
                    if item.codes is None:
                        item.codes = codes[at - 1]
                    kind, inner = properties[at - 1]
                    item.monochrome |= kind == b"av1C" and is_monochrome(inner)
                    if kind in TURNS and inner:
                        item.turns.append((kind, inner[0]))

    def _associations(self, ipma: memoryview) -> Iterator[tuple[Item, int]]:
        """Pairs of an item and the number of one of its properties, counted from 1."""
        version, flags, entries = full(ipma)
        for _ in self._entries(entries.uint(4)):
            item = self.items[entries.uint(4 if version else 2)]
            for _ in self._entries(entries.uint(1)):
                entries.bits(1)  # whether readers must understand the property
                yield item, entries.bits(15 if flags & 1 else 7)

    def _read_references(self, iref: memoryview) -> None:
        version, _, inside = full(iref)
        size = 4 if version else 2
        for kind, content in boxes(inside.rest()):
            entries = BitReader(content)
            number = entries.uint(size)
            item = self.items[number]
            targets = [entries.uint(size) for _ in self._entries(entries.uint(2))]
            if kind == b"dimg":
                item.parts += targets
                for target in targets:
                    self.items[target].dependent = True
            elif kind == b"prem":
                item.premultiplied = True
            elif kind == b"thmb":
                item.dependent = True
            elif kind == b"auxl":
                item.dependent = True
                for target in targets:
                    self.items[target].masks.append(number)

    def _read_groups(self, grpl: memoryview) -> None:
        """The other items in the primary image's group of alternatives show the same image."""
        for kind, content in boxes(grpl):
            _, _, entries = full(content)
            entries.uint(4)
            members = {entries.uint(4) for _ in self._entries(entries.uint(4))}
            if kind == b"altr" and self.primary in members:
                for member in members:
                    self.items[member].dependent = True


def sides_of(ispe: memoryview) -> tuple[int, int]:
    """Width and height of an image by its box. Raises ValueError if that is too short."""
    _, _, reader = full(ispe)
    return reader.uint(4), reader.uint(4)


def is_monochrome(av1c: memoryview) -> bool:
    """Whether an AV1 picture has no colours, by its configuration."""
    return len(av1c) > 2 and bool(av1c[2] & _MONOCHROME)


def depth_of(av1c: memoryview) -> int:
    """Bits of a sample, by the configuration of an AV1 picture."""
    flags = av1c[2] if len(av1c) > 2 else 0
    if not flags & _HIGH_BIT_DEPTH:
        return 8
    return 12 if flags & _TWELVE_BITS else 10


def orientation(turns: Sequence[tuple[bytes, int]]) -> int:
    """The EXIF orientation for the boxes that rotate and mirror an image, in their order.

    Raises ValueError for others than one rotation and then one mirroring, each of which may be
    missing.
    """
    angle = axis = -1
    for kind, value in turns:
        if kind == _ROTATION and angle == axis == -1:
            angle = value & 3
        elif kind == _MIRROR and axis == -1:
            axis = value & 1
        else:
            raise ValueError("turns in an unusual order")
    return _ORIENTATIONS[axis][max(angle, 0)]


def _codes(colr: memoryview) -> tuple[int, int] | None:
    """The code points of primaries and transfer in a colour box that has them."""
    if bytes(colr[:4]) != b"nclx":
        return None
    reader = BitReader(colr[4:])
    return reader.uint(2), reader.uint(2)
