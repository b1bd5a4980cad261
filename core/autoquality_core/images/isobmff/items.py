"""Which images a HEIF or AVIF file holds besides the primary one (ISO/IEC 23008-12).

libheif counts every image that is not marked as hidden, the tiles of a grid
too. A caller only misses images that a viewer would offer on their own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from autoquality_core.images.isobmff.boxes import Cursor, boxes, full, only
from autoquality_core.types import Data

_IMAGES = frozenset(
    {b"av01", b"hvc1", b"avc1", b"vvc1", b"jpeg", b"j2k1", b"grid", b"iden", b"iovl"}
)
_HIDDEN = 1
_TONE_MAPPED = b"tmap"
_APPLE_GAIN_MAP = b"urn:com:apple:photo:2020:aux:hdrgainmap"


@dataclass(frozen=True, slots=True)
class Items:
    """How many images there are to see, and whether one of them comes with a gain map."""

    images: int
    gain_map: bool


def read_items(data: Data) -> Items:
    """The images that stand on their own: no tiles, thumbnails, masks, alternatives or hidden ones.

    For files that `heif.decoded_pixels` has accepted, which bounds the work.
    Raises ValueError where the boxes cannot be followed.
    """
    try:
        return _Meta.read(memoryview(data)).items()
    except struct.error:
        raise ValueError("a box is too short") from None


@dataclass(slots=True)
class _Meta:
    primary: int = 0
    visible: set[int] = field(default_factory=set)
    helpers: set[int] = field(default_factory=set)
    gain_map: bool = False

    @classmethod
    def read(cls, data: memoryview) -> _Meta:
        made = cls()
        inside = list(boxes(only(list(boxes(data, lenient=True)), b"meta")[4:]))
        version, pitm = full(only(inside, b"pitm"))
        made.primary = pitm.take(4 if version else 2)
        made._read_kinds(only(inside, b"iinf"))
        for kind, content in inside:
            if kind == b"iref":
                made._read_references(content)
            elif kind == b"grpl":
                made._read_groups(content)
            elif kind == b"iprp":
                made.gain_map |= any(
                    name == b"auxC" and bytes(each[4:]).startswith(_APPLE_GAIN_MAP)
                    for name, each in boxes(only(list(boxes(content)), b"ipco"))
                )
        return made

    def items(self) -> Items:
        return Items(len((self.visible - self.helpers) | {self.primary}), self.gain_map)

    def _read_kinds(self, iinf: memoryview) -> None:
        version, entries = full(iinf)
        entries.take(4 if version else 2)
        for name, content in boxes(entries.rest()):
            version, entry = full(content)
            if name != b"infe" or version < 2:
                continue
            item = entry.take(2 if version == 2 else 4)
            entry.take(2)
            kind = bytes(entry.rest()[:4])
            self.gain_map |= kind == _TONE_MAPPED
            if kind in _IMAGES and not content[3] & _HIDDEN:
                self.visible.add(item)

    def _read_references(self, iref: memoryview) -> None:
        version, inside = full(iref)
        size = 4 if version else 2
        for kind, content in boxes(inside.rest()):
            entries = Cursor(content)
            origin = entries.take(size)
            if kind in (b"thmb", b"auxl"):
                self.helpers.add(origin)
            elif kind == b"dimg":
                self.helpers.update(entries.take(size) for _ in range(entries.take(2)))

    def _read_groups(self, grpl: memoryview) -> None:
        """The other items of the primary's group of alternatives show the same image."""
        for kind, content in boxes(grpl):
            _, entries = full(content)
            entries.take(4)
            members = {entries.take(4) for _ in range(entries.take(4))}
            if kind == b"altr" and self.primary in members:
                self.helpers |= members
