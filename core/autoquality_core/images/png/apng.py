"""Animated PNG (PNG specification, third edition): its frames, composed as browsers show them.

libvips reads the default image only. A frame is a PNG with another header and other
chunk names, so each is rewritten as a PNG that libvips decodes. The frames are
composed in the colours of the file and converted together, so that they share a
tone map and a profile.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.frames import Frame, composed
from autoquality_core.images.png.chunks import SIGNATURE, chunk, chunks
from autoquality_core.types import Data

_COLOURS = frozenset({b"PLTE", b"tRNS", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"sBIT"})
"""Chunks of the file that each frame needs for decoding."""

# Of one file; encoders write a handful for each frame.
_MOST_CHUNKS = 50_000

_HEADER = 13
_IN_COLOUR = 2
_ANIMATION = struct.Struct(">II")
_CONTROL = struct.Struct(">5I2H2B")
_OVER = 1


class NotFollowedError(ValueError):
    """The chunks of an animation contradict each other: readers show the default image.

    `frames` counts the frames found so far.
    """

    def __init__(self, frames: int) -> None:
        super().__init__("the chunks of the animation contradict each other")
        self.frames = frames


@dataclass(slots=True)
class _Frame(Frame):
    chunks: list[memoryview] = field(default_factory=list)


@dataclass(slots=True)
class Apng:
    """An animation whose chunks are in order; nothing is decoded yet.

    `plays` is 0 for an endless loop. With `separate_default`, the image that libvips
    reads is not one of the frames, and browsers do not show it. `damaged` says that the
    file ends too early, or that a checksum is wrong.
    """

    header: bytes = field(default=b"", repr=False)
    colours: list[bytes] = field(default_factory=list, repr=False)
    parts: list[_Frame] = field(default_factory=list, repr=False)
    announced: int = 0
    plays: int = 0
    separate_default: bool = False
    damaged: bool = False
    _numbers: int = 0
    _pixels_begun: bool = False

    @property
    def frames(self) -> int:
        """The frames of the file, or as many as it announces if it is damaged."""
        return max(len(self.parts), self.announced if self.damaged else 0)

    @property
    def sides(self) -> tuple[int, int]:
        width, height = struct.unpack_from(">II", self.header)
        return width, height

    def decode(
        self, count: int, decode_png: Callable[[bytes], Samples]
    ) -> tuple[Samples, tuple[int, ...]]:
        """The first `count` frames, (count, height, width, bands), and their durations in ms.

        bands: 2 for grey, else 4, alpha last. `decode_png` gives the samples (height,
        width, bands) of a PNG without converting them. Raises ValueError if the file is
        damaged, and errors of `decode_png`.
        """
        if self.damaged:
            raise ValueError("damaged")
        depth, kind = self.header[8:10]
        bands = 4 if kind & _IN_COLOUR else 2
        width, height = self.sides
        canvas = np.zeros((height, width, bands), np.uint16 if depth > 8 else np.uint8)
        return composed(canvas, self.parts[:count], lambda one: decode_png(self._png(one)))

    def _png(self, frame: _Frame) -> bytes:
        header = struct.pack(">II", frame.width, frame.height) + self.header[8:]
        parts = [SIGNATURE, chunk(b"IHDR", header), *self.colours]
        for part in frame.chunks:
            if not _intact(part):
                raise ValueError("damaged")
            parts.append(chunk(b"IDAT", part[8 if bytes(part[:4]) == b"fdAT" else 4 : -4]))
        return b"".join([*parts, chunk(b"IEND", b"")])

    def take(self, chunk: memoryview) -> bool:
        """Process a chunk, from its name to its checksum; False if no later chunk matters."""
        name, content = bytes(chunk[:4]), chunk[4:-4]
        if name in (b"acTL", b"fcTL") and not _intact(chunk):
            self.damaged = True
            return False
        if name == b"IHDR":
            self.header = bytes(content)
        elif name in _COLOURS and not self._pixels_begun:
            self.colours.append(struct.pack(">I", len(content)) + chunk)
        elif name == b"acTL" and not self._pixels_begun and len(content) >= _ANIMATION.size:
            self.announced, self.plays = _ANIMATION.unpack_from(content)
        elif name == b"fcTL":
            self._begin(content)
        elif name == b"IDAT":
            self._add_default(chunk)
        elif name == b"fdAT":
            self._number(content)
            self._require(len(self.parts) > (not self.separate_default))
            self.parts[-1].chunks.append(chunk)
        return name != b"IEND" and bool(self.announced or not self._pixels_begun)

    def is_animated(self, *, complete: bool) -> bool:
        """Whether there are frames; with `complete`, none may be missing unless it is damaged."""
        if not self.announced or len(self.header) != _HEADER:
            return False
        if complete and not self.damaged:
            self._require(len(self.parts) == self.announced)
            self._require(all(frame.chunks for frame in self.parts))
        if self.parts and not self.separate_default:
            self._require((self.parts[0].width, self.parts[0].height) == self.sides)
        return self.separate_default or self.frames > 1  # not the default image only

    def _begin(self, content: memoryview) -> None:
        self._number(content)
        self._require(len(content) >= _CONTROL.size and len(self.header) == _HEADER)
        self._require(not self.parts or bool(self.parts[-1].chunks))
        control = _CONTROL.unpack_from(content)
        _, width, height, left, top, numerator, denominator, after, blend = control
        across, down = self.sides
        self._require(0 < width <= across - left and 0 < height <= down - top)
        delay = round(1000 * numerator / (denominator or 100))
        self.parts.append(_Frame(left, top, width, height, delay, after, blend == _OVER))

    def _add_default(self, chunk: memoryview) -> None:
        if not self.parts:
            self.separate_default = True
        elif not self.separate_default:
            self._require(len(self.parts) == 1)
            self.parts[-1].chunks.append(chunk)
        self._pixels_begun = True

    def _number(self, content: memoryview) -> None:
        """Check the number of a chunk: the chunks of an animation count from 0."""
        self._require(len(content) >= 4 and int.from_bytes(content[:4], "big") == self._numbers)
        self._numbers += 1

    def _require(self, holds: bool) -> None:
        if not holds:
            raise NotFollowedError(len(self.parts))


def read_apng(data: Data, most_frames: int) -> Apng | None:
    """The animation in a PNG, None if there is none.

    Reading stops after `most_frames` frames and one more. Raises NotFollowedError if
    the chunks contradict each other.
    """
    if re.search(rb"acTL", data) is None:
        return None
    found = Apng()
    for part in _chunks(memoryview(data)):
        if not found.take(part) or len(found.parts) > most_frames:
            break
    else:
        found.damaged = True
    return found if found.is_animated(complete=len(found.parts) <= most_frames) else None


def _chunks(data: memoryview) -> Iterator[memoryview]:
    """The complete chunks of a PNG, each from its name to its checksum."""
    for _, start, length in islice(chunks(data), _MOST_CHUNKS):
        if start + length + 4 > len(data):
            return
        yield data[start - 4 : start + length + 4]


def _intact(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[:-4]) == int.from_bytes(chunk[-4:], "big")
