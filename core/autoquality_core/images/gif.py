"""GIFs with holes: browsers show the page where no frame has drawn, or a frame was cleared.

libnsgif, behind libvips, shows a colour there, unless frames declare a transparent one. So each
frame is rewritten as a GIF of its own, which libvips decodes, and the frames are composed here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.frames import CLEAR, KEEP, RESTORE, Frame, composed
from autoquality_core.types import Data

_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
_CONTROL = 0xF9
_PALETTE = 0x80
_HEADER = 13
_DESCRIPTOR = struct.Struct("<4HB")
_AFTER = {2: CLEAR, 3: RESTORE, 4: RESTORE}
"""By the disposal method; the others keep the frame."""


@dataclass(slots=True)
class _Frame(Frame):
    transparent: int | None = None
    content: bytes = field(default=b"", repr=False)
    """The palette if it has its own, and the coded pixels."""
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Gif:
    """A GIF with holes, of `width` x `height` pixels. `plays` is 0 for an endless loop."""

    width: int
    height: int
    parts: Sequence[_Frame] = field(repr=False)
    palette: bytes = field(repr=False)
    flags: int
    plays: int

    @property
    def frames(self) -> int:
        return len(self.parts)

    def decode(
        self, count: int, decode_gif: Callable[[bytes], Samples]
    ) -> tuple[Samples, tuple[int, ...]]:
        """The first `count` frames, (count, height, width, 4), and their durations in ms.

        `decode_gif` gives the samples (height, width, bands) of a GIF. Raises its errors.
        """
        canvas = np.zeros((self.height, self.width, 4), np.uint8)
        return composed(canvas, self.parts[:count], lambda one: decode_gif(self._gif(one)))

    def _gif(self, frame: _Frame) -> bytes:
        """A frame as a file of its own."""
        head = struct.pack("<6s2HBxx", b"GIF89a", frame.width, frame.height, self.flags)
        transparent = frame.transparent
        control = struct.pack("<4BH2B", _EXTENSION, _CONTROL, 4, 1, 0, transparent or 0, 0)
        place = _DESCRIPTOR.pack(0, 0, frame.width, frame.height, frame.flags)
        control = b"" if transparent is None else control
        image = bytes((_IMAGE,)) + place + frame.content
        return b"".join((head, self.palette, control, image, bytes((_END,))))


def read_gif(data: Data, width: int, height: int, frames: int, plays: int) -> Gif | None:
    """A GIF with holes. None for others, and for files that are damaged or of an unusual kind.

    The numbers are those that libvips has read.
    """
    view = memoryview(data)
    try:
        flags = view[10]
        palette = bytes(view[_HEADER : _HEADER + _palette_size(flags)])
        parts = list(islice(_frames(view, _HEADER + len(palette)), frames + 1))
    except (IndexError, struct.error):
        return None
    sound = len(parts) == frames and all(
        0 < one.width <= width - one.left
        and 0 < one.height <= height - one.top
        and (palette or one.flags & _PALETTE)
        for one in parts
    )
    if not sound or not _has_holes(parts, width, height):
        return None
    return Gif(width, height, parts, palette, flags, plays)


def _has_holes(parts: Sequence[_Frame], width: int, height: int) -> bool:
    """Whether libvips would fill parts of the image that nothing is drawn on."""
    partial = [(one.width, one.height) != (width, height) for one in parts]
    cleared = any(
        one.transparent is None and one.after != KEEP and any(partial[at + 1 :])
        for at, one in enumerate(parts)
        if one.after == CLEAR or at == 0  # there is nothing to restore after the first
    )
    return cleared or (partial[0] and all(one.transparent is None for one in parts))


def _palette_size(flags: int) -> int:
    return 6 << (flags & 7) if flags & _PALETTE else 0


def _frames(view: memoryview, at: int) -> Iterator[_Frame]:
    """The frames of a file. Raises IndexError and struct.error if it ends too early."""
    delay, after, transparent = 0, KEEP, None
    while view[at] != _END:
        if view[at] == _EXTENSION:
            if view[at + 1] == _CONTROL and view[at + 2] >= 4:
                flags, delay, index = struct.unpack_from("<BHB", view, at + 3)
                after = _AFTER.get(flags >> 2 & 7, KEEP)
                transparent = index if flags & 1 else None
            at = _behind_blocks(view, at + 2)
        elif view[at] == _IMAGE:
            left, top, width, height, flags = _DESCRIPTOR.unpack_from(view, at + 1)
            start = at + 1 + _DESCRIPTOR.size
            at = _behind_blocks(view, start + _palette_size(flags) + 1)
            content = bytes(view[start:at])
            yield _Frame(
                *(left, top, width, height, 10 * delay, after, True),
                *(transparent, content, flags),
            )
            delay, after, transparent = 0, KEEP, None
        else:
            raise IndexError


def _behind_blocks(view: memoryview, at: int) -> int:
    """Where a list of blocks ends that starts at `at`."""
    while view[at]:
        at += 1 + view[at]
    return at + 1
