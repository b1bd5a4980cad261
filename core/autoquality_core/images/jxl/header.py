"""The header of a codestream: sides, orientation, channels, colours (ISO/IEC 18181-1, annex D)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from autoquality_core.images.colour.cicp import SRGB_TRANSFER, Colours, from_points, primaries_of
from autoquality_core.images.jxl.bits import BitReader
from autoquality_core.images.jxl.icc import read_profile

SIGNATURE = b"\xff\x0a"

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDE = ((9, 1), (13, 1), (18, 1), (30, 1))
_GREY, _XYB = 1, 2
_CUSTOM = 2
_ALPHA, _SPOT, _BLACK, _CFA = 0, 2, 4, 5
_D65, _SRGB = 1, 1
_WHITES = {10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_CORNERS = {9: 9, 11: 12}
"""The code points of H.273 with the same primaries."""
_POINT = ((19, 0), (19, 1 << 19), (20, 1 << 20), (21, 1 << 21))
_POINT_UNIT = 1_000_000
_GAMMA_UNIT = 10_000_000
_WEIGHTS = (15, 55, 210)
"""Numbers in the custom weights for 2, 4 and 8 times the resolution."""
_HALF = 16
"""Bits of a float in a header."""


@dataclass(slots=True)
class Header:
    """What a codestream says before its frames.

    `width` and `height` are the coded ones: `orientation`, an EXIF value, turns the image.
    `bits` is the depth of a sample, which is a float with `floating`. `extra` counts the channels
    in addition to grey or RGB. An animation has `ticks` a second, a still none; `plays` is how
    often it is played, 0 for an endless loop. Colours are described, defined by `profile`, or else
    sRGB. `xyb` says that they are coded independently of any of these. Places are in bits:
    `frames_at` that of the first frame, the others those of parts that `rewriting` replaces, which
    may be empty.
    """

    width: int
    height: int
    orientation: int = 1
    grey: bool = False
    bits: int = 8
    floating: bool = False
    extra: int = 0
    alpha: bool = False
    premultiplied: bool = False
    ticks: Fraction = Fraction(0)
    plays: int = 0
    timecodes: bool = False
    xyb: bool = True
    described: Colours | None = None
    profile: bytes | None = None
    frames_at: int = 0
    ticks_at: tuple[int, int] = (0, 0)
    colours_at: tuple[int, int] = (0, 0)
    profile_at: tuple[int, int] = (0, 0)

    @property
    def channels(self) -> int:
        return 1 if self.grey else 3


def read_header(data: memoryview) -> Header:
    """Read the header of a codestream. Raises ValueError if it is damaged or of an unusual kind."""
    reader = BitReader(data)
    if bytes(data[:2]) != SIGNATURE:
        raise ValueError("not a codestream")
    reader.skip(16)
    header = Header(*_sides(reader))
    has_profile = False
    if not reader.flag():  # not all defaults
        more = reader.flag()
        if more:
            _read_showing(reader, header)
        header.bits, header.floating = _depth(reader)
        reader.flag()  # whether 16-bit buffers suffice
        _read_extra(reader, header)
        header.xyb = reader.flag()
        begin = reader.at
        has_profile = _read_colours(reader, header)
        header.colours_at = (begin, reader.at)
        if more and not reader.flag():
            reader.skip(2 * _HALF + 1 + _HALF)  # the range of brightness, for tone mapping
        reader.extensions()
    _skip_transforms(reader, xyb=header.xyb)
    begin = reader.at
    if has_profile:
        header.profile = read_profile(reader)
    header.profile_at = (begin, reader.at)
    reader.align()
    header.frames_at = reader.at
    return header


def _sides(reader: BitReader) -> tuple[int, int]:
    """Width and height."""
    small = reader.flag()

    def side() -> int:
        return 8 * (1 + reader.bits(5)) if small else reader.u32(*_SIDE)

    height = side()
    ratio = reader.bits(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return side(), height


def _read_showing(reader: BitReader, header: Header) -> None:
    """Orientation and animation."""
    header.orientation = 1 + reader.bits(3)
    if reader.flag():
        _sides(reader)  # for the layout of a page
    if reader.flag():
        raise ValueError("a preview, which no encoder writes")
    if reader.flag():
        begin = reader.at
        numerator = reader.u32((0, 100), (0, 1000), (10, 1), (30, 1))
        denominator = reader.u32((0, 1), (0, 1001), (8, 1), (10, 1))
        header.ticks = Fraction(numerator, denominator)
        header.plays = reader.u32((0, 0), (3, 0), (16, 0), (32, 0))
        header.timecodes = reader.flag()
        header.ticks_at = (begin, reader.at)


def _depth(reader: BitReader) -> tuple[int, bool]:
    """Bits of a sample, and whether it is a float."""
    if reader.flag():
        bits = reader.u32((0, 32), (0, 16), (0, 24), (6, 1))
        reader.bits(4)  # those of the exponent
        return bits, True
    return reader.u32((0, 8), (0, 10), (0, 12), (6, 1)), False


def _read_extra(reader: BitReader, header: Header) -> None:
    """The channels in addition to grey or RGB. The first alpha counts."""
    header.extra = reader.u32((0, 0), (0, 1), (4, 2), (12, 1))
    for _ in range(header.extra):
        kind, premultiplied = _channel(reader)
        if kind == _BLACK:
            raise ValueError("CMYK")
        if kind == _ALPHA and not header.alpha:
            header.alpha, header.premultiplied = True, premultiplied


def _channel(reader: BitReader) -> tuple[int, bool]:
    """The kind of a channel, and whether it is an alpha that the colours are multiplied by."""
    if reader.flag():
        return _ALPHA, False
    kind = reader.enum()
    _depth(reader)
    reader.u32((0, 0), (0, 3), (0, 4), (3, 1))  # how much smaller it is
    reader.name()
    premultiplied = kind == _ALPHA and reader.flag()
    if kind == _SPOT:
        reader.skip(4 * _HALF)
    elif kind == _CFA:
        reader.u32((0, 1), (2, 0), (4, 3), (8, 19))
    return kind, premultiplied


def _read_colours(reader: BitReader, header: Header) -> bool:
    """Grey or RGB, and its colours unless a profile defines them. Whether there is a profile."""
    if reader.flag():
        return False
    has_profile = reader.flag()
    space = reader.enum()
    header.grey = space == _GREY
    if has_profile:
        return True
    corners, white = primaries_of(1)[:6], primaries_of(1)[6:]
    gamma, transfer = None, SRGB_TRANSFER
    if space != _XYB:
        kind = reader.enum()
        white = _point(reader) if kind == _CUSTOM else _WHITES.get(kind, white)
        if not header.grey:
            kind = reader.enum()
            if kind == _CUSTOM:
                corners = tuple(one for _ in range(3) for one in _point(reader))
            else:
                corners = primaries_of(_CORNERS.get(kind, 1))[:6]
        if reader.flag():
            gamma = _GAMMA_UNIT / max(reader.bits(24), 1)
        else:
            transfer = reader.enum()
    reader.enum()  # the rendering intent
    header.described = from_points((*corners, *white), gamma, transfer)
    return False


def _point(reader: BitReader) -> tuple[float, ...]:
    return tuple(reader.signed(*_POINT) / _POINT_UNIT for _ in range(2))


def _skip_transforms(reader: BitReader, *, xyb: bool) -> None:
    """Skip custom matrices and weights, which libjxl applies."""
    if reader.flag():
        return
    if xyb and not reader.flag():
        reader.skip(16 * _HALF)
    mask = reader.bits(len(_WEIGHTS))
    for at, count in enumerate(_WEIGHTS):
        if mask >> at & 1:
            reader.skip(count * _HALF)
