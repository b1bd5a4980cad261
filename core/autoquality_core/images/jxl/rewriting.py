"""Changes to the headers of a codestream that leave its coded pixels as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from autoquality_core.images.colour.cicp import from_codes
from autoquality_core.images.jxl.bits import BitReader
from autoquality_core.images.jxl.frames import read_frames
from autoquality_core.images.jxl.header import Header, read_header

_Field: TypeAlias = tuple[int, int]
"""A number of bits and their value."""

_SRGB: Sequence[_Field] = ((2, 1),)
_P3: Sequence[_Field] = ((2, 2), (4, 11 - 2))
_MILLISECONDS: Sequence[_Field] = ((2, 1), (2, 0))
"""1000 ticks in a second, as in the header of an animation."""


class _BitWriter:
    """Writes numbers one after another, lowest bit first."""

    def __init__(self) -> None:
        self._number = 0
        self._bits = 0

    def add(self, *fields: _Field) -> None:
        for count, value in fields:
            self._number |= value << self._bits
            self._bits += count

    def copy(self, data: memoryview, begin: int, end: int) -> None:
        self.add((end - begin, BitReader(data, begin).bits(end - begin)))

    def whole(self) -> bytes:
        """All bytes, the last one filled with zeros."""
        return self._number.to_bytes(-(-self._bits // 8), "little")


def with_display_p3(data: memoryview, header: Header) -> tuple[memoryview, Header]:
    """An XYB codestream and its header with other colours to decode to, instead of a profile.

    libjxl cannot decode to a profile of tables, and gives 8-bit linear light instead. Display P3
    holds nearly all colours that a display shows.
    """
    described = None if header.grey else from_codes(12, 13)
    changed = _with_primaries(data, header, _P3)
    return memoryview(changed), replace(header, profile=None, described=described)


def with_srgb(data: memoryview, header: Header) -> bytes:
    """A codestream that says that its samples are sRGB, instead of having a profile."""
    return _with_primaries(data, header, _SRGB)


def _with_primaries(data: memoryview, header: Header, primaries: Sequence[_Field]) -> bytes:
    """A codestream with the curve of sRGB and these primaries instead of a profile."""
    writer = _BitWriter()
    writer.copy(data, 0, header.colours_at[0])
    # Not all defaults, no profile; grey or RGB, with the white D65.
    writer.add((2, 0), (2, int(header.grey)), (2, 1))
    if not header.grey:
        writer.add(*primaries)
    # No gamma, but the curve of sRGB; the intent is relative.
    writer.add((1, 0), (2, 2), (4, 13 - 2), (2, 1))
    writer.copy(data, header.colours_at[1], header.profile_at[0])
    return writer.whole() + bytes(data[header.frames_at // 8 :])


def retimed(codestream: bytes, delays: Sequence[int], plays: int) -> bytes:
    """An animation whose frames last `delays` milliseconds, and that is played `plays` times.

    It must have as many shown frames. A delay is 1 or more. Frames that others are built from stay
    as they are: libjxl writes one for shapes that repeat, such as letters.
    """
    data = memoryview(codestream)
    header = read_header(data)
    shown = (frame for frame in read_frames(data, header, len(data)) if frame.shown)
    writer = _BitWriter()
    writer.copy(data, 0, header.ticks_at[0])
    writer.add(*_MILLISECONDS, (2, 3), (32, plays), (1, 0))
    writer.copy(data, header.ticks_at[1], header.profile_at[1])
    parts, at = [writer.whole()], header.frames_at
    for frame, delay in zip(shown, delays, strict=True):
        writer = _BitWriter()
        writer.copy(data, at, frame.duration_at[0])
        writer.add((2, 3), (32, delay))
        writer.copy(data, frame.duration_at[1], frame.header_end)
        parts += [writer.whole(), bytes(data[frame.parts_at // 8 : frame.end // 8])]
        at = frame.end
    return b"".join(parts)
