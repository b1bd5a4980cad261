"""JPEG XL files, made by libjxl, and with headers and boxes written here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyvips
from imagecodecs._jpegxl import jpegxl_encode, jpegxl_encode_jpeg

from autoquality_core.images.jxl.container import read_container
from autoquality_core.images.jxl.frames import read_frames
from autoquality_core.images.jxl.header import read_header

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
SIDE = ((9, 1), (13, 1), (18, 1), (30, 1))
PLACE = ((8, 0), (11, 256), (14, 2304), (30, 18688))
PART_SIZE = ((10, 0), (14, 1024), (22, 17408), (30, 4211712))
ENUM = ((0, 0), (0, 1), (4, 2), (6, 18))


class Bits:
    """Numbers written one after another, lowest bit first."""

    def __init__(self) -> None:
        self._bits: list[int] = []

    def add(self, count: int, value: int) -> Bits:
        self._bits += [value >> at & 1 for at in range(count)]
        return self

    def flag(self, value: bool) -> Bits:
        return self.add(1, int(value))

    def u32(self, value: int, kinds: Sequence[tuple[int, int]]) -> Bits:
        """The first of the four kinds that holds the number."""
        for at, (count, offset) in enumerate(kinds):
            if offset <= value < offset + (1 << count):
                return self.add(2, at).add(count, value - offset)
        raise ValueError(f"{value} fits none of {kinds}")

    def enum(self, value: int) -> Bits:
        return self.u32(value, ENUM)

    def raw(self, bits: Sequence[int]) -> Bits:
        self._bits += bits
        return self

    def other(self, bits: Bits) -> Bits:
        return self.raw(bits._bits)

    def bytes(self) -> bytes:
        """All bits, the last byte filled with zeros."""
        padded = [*self._bits, *[0] * (-len(self._bits) % 8)]
        return bytes(np.packbits(np.array(padded, np.uint8), bitorder="little"))


@dataclass(frozen=True)
class Head:
    """The header of a codestream. `colours` are the bits of a colour encoding, None for sRGB.

    `extra` holds the kind of each extra channel, and whether it is premultiplied alpha.
    """

    width: int
    height: int
    orientation: int = 1
    ticks: tuple[int, int] | None = None
    plays: int = 0
    bits: int = 8
    floating: bool = False
    extra: Sequence[tuple[int, bool]] = ()
    xyb: bool = False
    colours: Bits | None = None
    preview: bool = False
    profile: Bits = field(default_factory=Bits)

    def bytes(self) -> bytes:
        head = Bits().add(16, 0x0AFF).flag(False).u32(self.height, SIDE)
        head.add(3, 0).u32(self.width, SIDE)
        head.flag(False).flag(True).add(3, self.orientation - 1).flag(False).flag(self.preview)
        head.flag(self.ticks is not None)
        if self.ticks is not None:
            head.u32(self.ticks[0], ((0, 100), (0, 1000), (10, 1), (30, 1)))
            head.u32(self.ticks[1], ((0, 1), (0, 1001), (8, 1), (10, 1)))
            head.u32(self.plays, ((0, 0), (3, 0), (16, 0), (32, 0))).flag(False)
        self._depth(head)
        head.flag(False).u32(len(self.extra), ((0, 0), (0, 1), (4, 2), (12, 1)))
        for kind, premultiplied in self.extra:
            head.flag(False).enum(kind)
            self._depth(head)
            head.add(2, 0).add(2, 0)
            if kind == 0:
                head.flag(premultiplied)
            elif kind == 2:  # a spot colour that hides nothing
                head.add(64, 0)
            elif kind == 5:
                head.add(2, 0)
        head.flag(self.xyb)
        head.other(Bits().flag(True) if self.colours is None else self.colours)
        return head.flag(True).add(2, 0).flag(True).other(self.profile).bytes()

    def _depth(self, head: Bits) -> None:
        head.flag(self.floating)
        if self.floating:
            head.u32(self.bits, ((0, 32), (0, 16), (0, 24), (6, 1)))
            head.add(4, {16: 4, 32: 7}.get(self.bits, 7))
        else:
            head.u32(self.bits, ((0, 8), (0, 10), (0, 12), (6, 1)))


GREY = Bits().flag(False).flag(False).enum(1).enum(1).flag(False).enum(13).enum(1)
"""The colours of grey with the curve of sRGB."""


def colours(primaries: int, transfer: int, white: int = 1) -> Bits:
    """The colour encoding of RGB by its enums."""
    bits = Bits().flag(False).flag(False).enum(0).enum(white).enum(primaries)
    return bits.flag(False).enum(transfer).enum(1)


def own_colours(points: Sequence[float], gamma: float) -> Bits:
    """The colour encoding of RGB by the points of red, green, blue and white, and a gamma."""
    numbers = [round(1_000_000 * point) for point in points]
    bits = Bits().flag(False).flag(False).enum(0)
    for part in (numbers[6:], numbers[:6]):
        bits.enum(2)
        for number in part:  # the lowest bit is the sign
            bits.u32(2 * number, ((19, 0), (19, 1 << 19), (20, 1 << 20), (21, 1 << 21)))
    return bits.flag(True).add(24, round(10_000_000 / gamma)).enum(1)


def jxl(image: pyvips.Image, **options: object) -> bytes:
    """A lossless file of the pixels, the orientation and the metadata of an image."""
    samples = image.numpy()
    data: bytes = jpegxl_encode(
        samples.reshape(1, image.height, image.width, image.bands),
        **{"lossless": True, "effort": 3, "numthreads": 1, **options},
    )
    turn = image.get("orientation") if image.get_typeof("orientation") else 1
    head = head_of(samples.reshape(image.height, image.width, image.bands))
    # imagecodecs takes samples of 16 bits for linear light.
    data = with_head(data, replace(head, orientation=turn if turn in range(1, 9) else 1))
    if image.get_typeof("xmp-data"):
        data = boxed(data, [(b"xml ", image.get("xmp-data"))])
    return data


def head_of(samples: npt.NDArray, **changes: object) -> Head:
    """The header of a lossless file of (height, width, bands) samples."""
    height, width, bands = samples.shape
    extra = [(0, False)] if bands in (2, 4) else []
    grey = GREY if bands < 3 else None
    bits = 8 * samples.itemsize
    return replace(Head(width, height, extra=extra, colours=grey, bits=bits), **changes)


def frames_of(data: bytes) -> bytes:
    """What follows the header of a codestream, bare or in a container."""
    codestream = read_container(data).codestream
    return bytes(codestream[read_header(codestream).frames_at // 8 :])


def with_head(codestream: bytes, head: Head) -> bytes:
    """The same frames behind another header."""
    return head.bytes() + frames_of(codestream)


def with_profile(codestream: bytes, profile: bytes, head: Head) -> bytes:
    """The same frames behind a header with this ICC profile, as libjxl codes it."""
    image = pyvips.Image.black(16, 16, bands=3).copy(interpretation="srgb")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    jpeg = image.jpegsave_buffer(keep=pyvips.ForeignKeep.ICC)
    donor = read_container(jpegxl_encode_jpeg(jpeg, usecontainer=True)).codestream
    begin, end = read_header(donor).profile_at
    bits = np.unpackbits(np.frombuffer(donor, np.uint8), bitorder="little")[begin:end]
    coded = Bits().raw(bits.tolist())
    encoding = Bits().flag(False).flag(True).enum(0)
    return with_head(codestream, replace(head, colours=encoding, profile=coded))


def film(
    frames: npt.NDArray[np.uint8],
    delays: Sequence[int],
    ticks: tuple[int, int] = (1000, 1),
    plays: int = 3,
) -> bytes:
    """A lossless animation of (frames, height, width, 3) samples; delays are in ticks."""
    made = head_of(frames[0], ticks=ticks, plays=plays).bytes()
    for at, (frame, delay) in enumerate(zip(frames, delays, strict=True)):
        made += _timed(frame, delay, last=at == len(delays) - 1)
    return made


def _timed(frame: npt.NDArray[np.uint8], delay: int, *, last: bool) -> bytes:
    """A frame of an animation that lasts `delay` ticks; those of imagecodecs last one."""
    two = jpegxl_encode(np.stack([frame, frame]), lossless=True)
    view = memoryview(two)
    found = list(read_frames(view, read_header(view), 2))[last]
    bits = np.unpackbits(np.frombuffer(two, np.uint8), bitorder="little").tolist()
    made = Bits()
    made.raw(bits[found.begin : found.duration_at[0]])
    made.u32(delay, ((0, 0), (0, 1), (8, 0), (32, 0)))
    rest = bits[found.duration_at[1] : found.header_end]
    if delay == 0 and not last:  # other frames may be laid over it, before its colours change
        rest = [*rest[:3], 0, *rest[3:]]
    return made.raw(rest).bytes() + two[found.parts_at // 8 : found.end // 8]


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def boxed(
    codestream: bytes, before: Sequence[tuple[bytes, bytes]] = (), parts: Sequence[int] = ()
) -> bytes:
    """A codestream in a container behind other boxes, whole or in parts that begin at `parts`."""
    boxes = [box(*one) for one in before]
    if parts:
        ends = [*parts[1:], len(codestream)]
        for at, (begin, end) in enumerate(zip(parts, ends, strict=True)):
            number = at | (1 << 31 if at == len(parts) - 1 else 0)
            boxes.append(box(b"jxlp", struct.pack(">I", number) + codestream[begin:end]))
    else:
        boxes.append(box(b"jxlc", codestream))
    return SIGNATURE + box(b"ftyp", b"jxl \0\0\0\0jxl ") + b"".join(boxes)


@dataclass(frozen=True)
class Layer:
    """A frame without pixels of its own. One of `kind` 2 is hidden: others may refer to it."""

    kind: int = 0
    size: tuple[int, int] | None = None
    last: bool = False
    passes: int = 1

    def bytes(self, width: int, height: int) -> bytes:
        """In an image of this size, with one byte for each of its parts."""
        hidden = self.kind == 2
        bits = Bits().flag(False).add(2, self.kind).flag(True).add(2, 0).flag(False).add(2, 0)
        bits.add(2, 3)  # groups of 1024 x 1024
        if not hidden:
            bits.u32(self.passes, ((0, 1), (0, 2), (0, 3), (3, 4)))
            if self.passes > 1:
                bits.add(2, 0).add(2 * (self.passes - 1), 0)
        bits.flag(self.size is not None)
        if self.size is not None:
            if not hidden:
                bits.u32(0, PLACE).u32(0, PLACE)
            bits.u32(self.size[0], PLACE).u32(self.size[1], PLACE)
        if not hidden:
            bits.add(2, 0)  # replaces what is below
            if self.size is not None:
                bits.add(2, 0)
            bits.flag(self.last)
        if not self.last:
            bits.add(2, 0)
            if hidden or self.size is None:
                bits.flag(False)
        bits.add(2, 0).flag(True).add(2, 0)  # no name, usual filters, no extensions
        count = self._parts(*(self.size or (width, height)))
        return bits.flag(False).bytes() + _sizes(count) + bytes(count)

    def _parts(self, width: int, height: int) -> int:
        groups = -(-width // 1024) * -(-height // 1024)
        if groups == self.passes == 1:
            return 1
        return 2 + groups * self.passes + -(-width // 8192) * -(-height // 8192)


def _sizes(count: int) -> bytes:
    sizes = Bits()
    for _ in range(count):
        sizes.u32(1, PART_SIZE)
    return sizes.bytes()
