"""The frames of a codestream: their headers, sizes and places (ISO/IEC 18181-1, annex F).

A header of some bytes may announce a frame that is larger than the image, or that other frames
are built from. libjxl allocates memory for it. So all frames are measured here first.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from autoquality_core.images.jxl.bits import BitReader
from autoquality_core.images.jxl.header import Header
from autoquality_core.images.jxl.numbers import Numbers

_MOST_PARTS = 1_000_000
"""Parts of all frames: groups of 128 x 128 pixels or more, in each pass. It takes some 1 s."""

_PERMUTATION_CONTEXTS = 8
_PART_SIZE = ((10, 0), (14, 1024), (22, 17408), (30, 4211712))
_PLACE = ((8, 0), (11, 256), (14, 2304), (30, 18688))
_ONE_TO_EIGHT = ((0, 1), (0, 2), (0, 4), (0, 8))
_REFERENCE = ((0, 0), (0, 1), (0, 2), (0, 3))
_DURATION = ((0, 0), (0, 1), (8, 0), (32, 0))
_USES_LOW_FREQUENCIES = 0x20
_HALF = 16


class Kind(enum.IntEnum):
    """What a frame is for."""

    REGULAR = 0
    LOW_FREQUENCIES = 1
    REFERENCE = 2
    SKIPPED = 3

    @property
    def visible(self) -> bool:
        """Whether it is laid on the image."""
        return self in (Kind.REGULAR, Kind.SKIPPED)


class _Blend(enum.IntEnum):
    REPLACE = 0
    ADD = 1
    OVER = 2
    ADD_BY_ALPHA = 3
    MULTIPLY = 4


@dataclass(slots=True)
class Frame:
    """A frame, coded in `parts`. `duration` is in ticks.

    Places are in bits: `header_end` is that of the padding before the sizes of the parts, and
    `end` follows the last part.

    `shown` says that the image is complete with it: it lasts, or is the last one.
    """

    begin: int
    kind: Kind = Kind.REGULAR
    width: int = 0
    height: int = 0
    duration: int = 0
    last: bool = True
    duration_at: tuple[int, int] = (0, 0)
    parts: int = 1
    header_end: int = 0
    parts_at: int = 0
    end: int = 0

    @property
    def shown(self) -> bool:
        return self.kind.visible and (self.last or self.duration > 0)

    @property
    def pixels(self) -> int:
        return self.width * self.height


def read_frames(data: memoryview, header: Header, most: int) -> Iterator[Frame]:
    """Each frame up to the last one, at most `most` + 1 of them.

    Raises ValueError if one is damaged or missing.
    """
    reader = BitReader(data, header.frames_at)
    parts = 0
    for _ in range(most + 1):
        frame = _Reading(reader, header).whole()
        parts += frame.parts
        if parts > _MOST_PARTS:
            raise ValueError("too many parts")
        reader.skip(8 * sum(_sizes(reader, frame)))
        frame.end = reader.at
        yield frame
        if frame.last:
            return


def _sizes(reader: BitReader, frame: Frame) -> list[int]:
    """The bytes of each part of a frame."""
    if reader.flag():
        order = Numbers(reader, _PERMUTATION_CONTEXTS)
        moved, last = order.next(_context(frame.parts)), 0
        if moved > frame.parts:
            raise ValueError("more parts in another order than there are")
        for _ in range(moved):
            last = order.next(_context(last))
        order.finish()
    frame.header_end = reader.at
    reader.align()
    frame.parts_at = reader.at
    sizes = [reader.u32(*_PART_SIZE) for _ in range(frame.parts)]
    reader.align()
    return sizes


def _context(number: int) -> int:
    return min(number.bit_length(), _PERMUTATION_CONTEXTS - 1)


class _Reading:
    def __init__(self, reader: BitReader, header: Header) -> None:
        self._reader = reader
        self._header = header
        self._frame = Frame(reader.at, width=header.width, height=header.height)
        self._modular = self._partial = False
        self._passes = self._upsampling = 1
        self._group = 256
        self._blend = _Blend.REPLACE
        self._chroma = (0, 0)

    def whole(self) -> Frame:
        """The frame, up to the sizes of its parts."""
        frame, reader = self._frame, self._reader
        if not reader.flag():  # not all defaults
            self._coding()
            if frame.kind is not Kind.REFERENCE:
                self._skip_passes()
            self._place()
            self._showing()
            reader.name()
            self._skip_filters()
            reader.extensions()
        frame.parts = self._parts()
        return frame

    def _coding(self) -> None:
        reader, frame = self._reader, self._frame
        frame.kind = Kind(reader.bits(2))
        self._modular = reader.flag()
        flags = reader.u64()
        luma = not self._header.xyb and reader.flag()
        if not flags & _USES_LOW_FREQUENCIES:
            if luma:
                modes = [reader.bits(2) for _ in range(3)]
                self._chroma = (
                    max(mode in (1, 2) for mode in modes),
                    max(mode in (1, 3) for mode in modes),
                )
            self._upsampling = reader.u32(*_ONE_TO_EIGHT)
            for _ in range(self._header.extra):
                reader.u32(*_ONE_TO_EIGHT)
        if self._modular:
            self._group = 128 << reader.bits(2)
        elif self._header.xyb:
            reader.skip(6)

    def _skip_passes(self) -> None:
        reader = self._reader
        self._passes = reader.u32((0, 1), (0, 2), (0, 3), (3, 4))
        if self._passes == 1:
            return
        downsampled = reader.u32((0, 0), (0, 1), (0, 2), (1, 3))
        reader.skip(2 * (self._passes - 1))
        for _ in range(downsampled):
            reader.u32(*_ONE_TO_EIGHT)
        for _ in range(downsampled):
            reader.u32((0, 0), (0, 1), (0, 2), (3, 0))

    def _place(self) -> None:
        reader, frame, header = self._reader, self._frame, self._header
        if frame.kind is Kind.LOW_FREQUENCIES:
            step = 8 ** reader.u32((0, 1), (0, 2), (0, 3), (0, 4))
            frame.width, frame.height = _tiles(header.width, step), _tiles(header.height, step)
            return
        if not reader.flag():
            return
        left = top = 0
        if frame.kind.visible:
            left, top = reader.signed(*_PLACE), reader.signed(*_PLACE)
        frame.width, frame.height = reader.u32(*_PLACE), reader.u32(*_PLACE)
        if not frame.pixels:
            raise ValueError("a frame without pixels")
        right, bottom = left + frame.width, top + frame.height
        self._partial = left > 0 or top > 0 or right < header.width or bottom < header.height

    def _showing(self) -> None:
        """How it is blended, how long it is shown, and whether it is the last one."""
        reader, frame, header = self._reader, self._frame, self._header
        frame.last = False
        if frame.kind.visible:
            self._blend = self._blending()
            for _ in range(header.extra):
                self._blending()
            if header.ticks:
                begin = reader.at
                frame.duration = reader.u32(*_DURATION)
                frame.duration_at = (begin, reader.at)
                reader.skip(32 * header.timecodes)
            frame.last = reader.flag()
        if frame.kind is Kind.LOW_FREQUENCIES:
            return
        kept = 0 if frame.last else reader.u32(*_REFERENCE)
        replaces = self._blend is _Blend.REPLACE and not self._partial
        usable = not frame.last and (frame.duration == 0 or kept > 0)
        if frame.kind is Kind.REFERENCE or (usable and replaces):
            reader.flag()  # whether it is kept before the colours are transformed

    def _blending(self) -> _Blend:
        reader = self._reader
        mode = _Blend(reader.u32((0, 0), (0, 1), (0, 2), (2, 3)))
        by_alpha = self._header.extra > 0 and mode in (_Blend.OVER, _Blend.ADD_BY_ALPHA)
        if by_alpha:
            reader.u32((0, 0), (0, 1), (0, 2), (3, 3))
        if by_alpha or mode is _Blend.MULTIPLY:
            reader.flag()
        if mode is not _Blend.REPLACE or self._partial:
            reader.u32(*_REFERENCE)
        return mode

    def _skip_filters(self) -> None:
        reader = self._reader
        if reader.flag():
            return
        if reader.flag() and reader.flag():
            reader.skip(6 * _HALF)
        if reader.bits(2):
            if not self._modular and reader.flag():
                reader.skip(8 * _HALF)
            if reader.flag():
                reader.skip(5 * _HALF)
            if reader.flag():
                reader.skip((3 if self._modular else 4) * _HALF)
            if self._modular:
                reader.skip(_HALF)
        reader.extensions()

    def _parts(self) -> int:
        frame = self._frame
        width, height = (_tiles(one, self._upsampling) for one in (frame.width, frame.height))
        groups = _tiles(width, self._group) * _tiles(height, self._group)
        if groups == self._passes == 1:
            return 1
        across, down = (
            _tiles(_tiles(side, 8 << shift) << shift, self._group)
            for side, shift in zip((width, height), self._chroma, strict=True)
        )
        return 2 + across * down + groups * self._passes


def _tiles(side: int, tile: int) -> int:
    return -(-side // tile)
