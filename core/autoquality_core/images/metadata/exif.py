"""EXIF blocks: a small TIFF structure of directories of tags (EXIF 2.32; TIFF 6.0 for the layout).

An existing block is changed in place. Writing it again would move the maker note,
whose offsets often count from the start of the block.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from autoquality_core.types import Data

ORIENTATION = 0x0112
ARTIST, COPYRIGHT = 0x013B, 0x8298
DESCRIPTION, SOFTWARE = 0x010E, 0x0131
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
INCH, CENTIMETRE = 2, 3

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
_THUMBNAIL, _THUMBNAIL_LENGTH = 0x0201, 0x0202

_OF_TIFF = frozenset(
    {
        *(DESCRIPTION, 0x010F, 0x0110, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT),
        *(SOFTWARE, 0x0132, ARTIST, 0x013C, COPYRIGHT, 0x4746, 0x4749),
        *range(0x9C9B, 0x9CA0),
    }
)
"""The tags of a TIFF file that describe its content. Others describe how its pixels are stored."""

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
_SIZES_BIG = _SIZES | {16: 8, 17: 8, 18: 8}
_TEXT, _SHORT, _LONG, _RATIONAL = 2, 3, 4, 5

_MOST_ENTRIES = 4096
_MOST_BYTES = 1 << 24
"""Of all values of a directory: many tags may point to the same bytes."""

Value: TypeAlias = tuple[int, int, bytes]
"""Type, count and bytes of a tag."""

Tags: TypeAlias = Mapping[int, Value]


@dataclass(frozen=True, slots=True)
class Entry:
    """A tag: its type and count, and where its value lies."""

    kind: int
    count: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Directory:
    """The readable tags of a directory, where it ends, and where the next one begins, or 0."""

    entries: Mapping[int, Entry]
    end: int
    next: int


@dataclass(frozen=True, slots=True)
class Tiff:
    """The structure of an EXIF block or a TIFF file."""

    data: Data
    order: str
    big: bool
    first: Directory

    @classmethod
    def of(cls, data: Data) -> Tiff | None:
        """Read the first directory; None if `data` has no readable one."""
        order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
        if order is None or len(data) < 8:
            return None
        big = struct.unpack_from(order + "H", data, 2)[0] == 43
        at = int.from_bytes(data[8:16] if big else data[4:8], "little" if order == "<" else "big")
        tiff = cls(data, order, big, Directory({}, 0, 0))
        first = tiff.directory(at)
        return None if first is None else replace(tiff, first=first)

    def text(self, tag: int) -> bytes:
        """The text of a tag in the first directory; empty if absent or blank."""
        entry = self.first.entries.get(tag)
        if entry is None or entry.kind not in (1, _TEXT, 7, 129) or entry.count > _MOST_BYTES:
            return b""
        return bytes(self.data[entry.start : entry.end]).strip(b"\0 \t\r\n")

    def number(self, entry: Entry | None) -> int:
        """The first number of a tag, 0 without one."""
        code = {_SHORT: "H", _LONG: "I", 13: "I", 16: "Q", 18: "Q"}.get(entry.kind if entry else 0)
        if entry is None or code is None or not entry.count:
            return 0
        return int(struct.unpack_from(self.order + code, self.data, entry.start)[0])

    def directory(self, at: int) -> Directory | None:
        """The directory at `at`, None if it exceeds the data."""
        data, order = self.data, self.order
        number, count_code, size = ("Q", "Q", 20) if self.big else ("I", "H", 12)
        inline = struct.calcsize(number)
        sizes = _SIZES_BIG if self.big else _SIZES
        entries: dict[int, Entry] = {}
        following = 0
        try:
            (count,) = struct.unpack_from(order + count_code, data, at)
            at += struct.calcsize(count_code)
            end = at + count * size
            if count > _MOST_ENTRIES or end > len(data):
                return None
            for place in range(at, end, size):
                tag, kind, values = struct.unpack_from(f"{order}HH{number}", data, place)
                start, length = place + size - inline, sizes.get(kind, 0) * values
                if length > inline:
                    (start,) = struct.unpack_from(order + number, data, start)
                if length and start + length <= len(data):
                    entries.setdefault(tag, Entry(kind, values, start, start + length))
            if end + inline <= len(data):
                (following,) = struct.unpack_from(order + number, data, end)
                end += inline
        except (struct.error, OverflowError):
            return None
        return Directory(entries, end, following)

    def linked(self, directory: Directory, tag: int) -> Directory | None:
        """The directory that a tag points to, if it is readable."""
        at = self.number(directory.entries.get(tag))
        return self.directory(at) if at else None

    def tags(self, directory: Directory | None) -> dict[int, Value]:
        return {} if directory is None else _values(directory, self.data)

    def directories(self) -> Iterator[Directory]:
        """All directories except that of the thumbnail."""
        yield self.first
        for tag in (_EXIF, _GPS):
            found = self.linked(self.first, tag)
            if found is not None:
                yield found
                inner = self.linked(found, _INTEROPERABILITY)
                if inner is not None:
                    yield inner


def block(tags: Tags, order: str = "<") -> bytes:
    """An EXIF block of `tags`, whose values have this byte order ("<" or ">")."""
    head = b"II*\0\x08\0\0\0" if order == "<" else b"MM\0*\0\0\0\x08"
    return head + _written(tags, order, len(head))


def text(value: bytes) -> Value:
    """A text, which is UTF-8, as other software writes it."""
    return _TEXT, len(value) + 1, value + b"\0"


def short(value: int, order: str) -> Value:
    """A number of 16 bits."""
    return _SHORT, 1, struct.pack(order + "H", value)


def rational(value: Fraction, order: str) -> Value:
    """A fraction."""
    return _RATIONAL, 1, struct.pack(order + "II", value.numerator, value.denominator)


def block_of_tiff(tiff: Tiff, extra: Tags) -> bytes:
    """An EXIF block of what describes the content of a TIFF file, and of `extra`."""
    order = tiff.order
    tags = {tag: value for tag, value in tiff.tags(tiff.first).items() if tag in _OF_TIFF}
    linked = {tag: tiff.tags(tiff.linked(tiff.first, tag)) for tag in (_EXIF, _GPS)}
    inner = {tag: tags_inside for tag, tags_inside in linked.items() if tags_inside}
    for tags_inside in inner.values():
        tags_inside.pop(_INTEROPERABILITY, None)

    def whole(at: Mapping[int, int]) -> bytes:
        pointers = {tag: (_LONG, 1, struct.pack(order + "I", at.get(tag, 0))) for tag in inner}
        return block({**tags, **extra, **pointers}, order)

    at: dict[int, int] = {}
    parts, end = [], len(whole({}))
    for tag, tags_inside in inner.items():
        at[tag] = end
        parts.append(_written(tags_inside, order, end))
        end += len(parts[-1])
    return b"".join((whole(at), *parts))


def cleaned(tiff: Tiff, size: tuple[int, int], *, swapped: bool, extra: Tags) -> bytes:
    """An EXIF block for the upright image: orientation 1, its size, no thumbnail, and `extra`.

    `swapped` says that the source has width and height exchanged.
    """
    out = bytearray(tiff.data)
    width, height = size
    numbers = {ORIENTATION: 1, **dict.fromkeys(_WIDTHS, width), **dict.fromkeys(_HEIGHTS, height)}
    for directory in tiff.directories():
        for tag in numbers.keys() & directory.entries.keys():
            _put(out, directory.entries[tag], numbers[tag], tiff.order)
    x, y = (tiff.first.entries.get(tag) for tag in (X_RESOLUTION, Y_RESOLUTION))
    if swapped and x and y and x.kind == y.kind == _RATIONAL and x.count == y.count == 1:
        out[x.start : x.end], out[y.start : y.end] = out[y.start : y.end], out[x.start : x.end]
    _cut_thumbnail(tiff, out)
    if extra:
        out += bytes(len(out) % 2)
        tags = {**_values(tiff.first, out), **extra}
        struct.pack_into(tiff.order + "I", out, 4, len(out))
        out += _written(tags, tiff.order, len(out))
    return bytes(out)


def density(data: bytes) -> tuple[float, float] | None:
    """Pixels per metre by an EXIF block, horizontally and vertically; None if it does not say."""
    tiff = Tiff.of(data)
    if tiff is None:
        return None
    metre = {INCH: 1 / 0.0254, CENTIMETRE: 100.0}.get(
        tiff.number(tiff.first.entries.get(RESOLUTION_UNIT)) or INCH
    )
    found = []
    for tag in (X_RESOLUTION, Y_RESOLUTION):
        entry = tiff.first.entries.get(tag)
        if entry is None or metre is None or entry.kind != _RATIONAL or entry.count != 1:
            return None
        over, under = struct.unpack_from(tiff.order + "II", data, entry.start)
        if not under or not over:
            return None
        found.append(over / under * metre)
    return found[0], found[1]


def _written(tags: Tags, order: str, at: int) -> bytes:
    """The bytes of a directory at `at`, followed by its values."""
    entries, values = [], b""
    behind = at + 2 + 12 * len(tags) + 4
    for tag, (kind, count, value) in sorted(tags.items()):
        if len(value) > 4:
            place = struct.pack(order + "I", behind + len(values))
            values += value + bytes(len(value) % 2)
        else:
            place = value.ljust(4, b"\0")
        entries.append(struct.pack(order + "HHI", tag, kind, count) + place)
    return b"".join((struct.pack(order + "H", len(tags)), *entries, bytes(4), values))


def _put(out: bytearray, entry: Entry, number: int, order: str) -> None:
    code = {_SHORT: "H", _LONG: "I"}.get(entry.kind)
    if code is not None and entry.count == 1 and number < 1 << 8 * _SIZES[entry.kind]:
        struct.pack_into(order + code, out, entry.start, number)


def _cut_thumbnail(tiff: Tiff, out: bytearray) -> None:
    at = tiff.first.next
    if not at:
        return
    out[tiff.first.end - 4 : tiff.first.end] = bytes(4)
    used = max(
        max((one.end, *(entry.end for entry in one.entries.values()))) for one in tiff.directories()
    )
    thumbnail = tiff.directory(at) or Directory({}, at, 0)
    start = tiff.number(thumbnail.entries.get(_THUMBNAIL)) or len(out)
    length = tiff.number(thumbnail.entries.get(_THUMBNAIL_LENGTH))
    for begin, end in ((at, thumbnail.end), (start, start + length)):
        inside = slice(min(begin, used), min(end, used))
        out[inside] = bytes(inside.stop - inside.start)
    del out[used:]


def _values(directory: Directory, data: Data | bytearray) -> dict[int, Value]:
    """The tags of a directory whose values lie within `data`."""
    found, room = {}, min(len(data), _MOST_BYTES)
    for tag, one in directory.entries.items():
        room -= one.end - one.start
        if room >= 0 and one.end <= len(data):
            found[tag] = one.kind, one.count, bytes(data[one.start : one.end])
    return found
