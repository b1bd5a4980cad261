"""Image sequences in AVIF and HEIF (ISO/IEC 23008-12): their structure, and the frames of AVIF.

The frames are the samples of a track (ISO/IEC 14496-12). libvips reads only the still
image in front of them. libavif reads the frames of an AVIF, and allocates memory by the size of
each coded picture. So these sizes are checked first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat

import numpy as np

from autoquality_core.images.colour.linear_light import Samples
from autoquality_core.images.isobmff.av1 import announced_sizes
from autoquality_core.images.isobmff.boxes import boxes, full, only
from autoquality_core.images.isobmff.meta import TURNS, depth_of, is_monochrome, orientation
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.images.orientation import swaps_sides, upright
from autoquality_core.runtime.codecs import libavif
from autoquality_core.types import Data

_MAJOR_BRAND = slice(8, 12)
_PICTURES, _ALPHA = b"pict", b"auxv"

# In the sample entry of a picture: width and height, and the end of the fixed fields.
_SIDES = 24
_ENTRY_END = 78

_SINGLE = frozenset(
    {
        *(b"tkhd", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"minf", b"stbl"),
        *(b"stsd", b"stts", b"stsz", b"stz2", b"stsc", b"stco", b"co64", b"av1C", *TURNS),
    }
)
"""The boxes of a track that are read here, and may occur only once."""

_BYTE = 8

_ENDLESS = {0: 0xFFFFFFFF, 1: 0xFFFFFFFFFFFFFFFF}
"""The duration of an endless track, by the version of its box `tkhd`."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The picture of a plain AVIF, or the `frames` of a sequence, with `depth` bits a sample.

    `width` and `height` are the coded ones: `orientation`, an EXIF value, turns the pictures.
    """

    width: int
    height: int
    depth: int
    bands: int
    orientation: int = 1
    frames: int = 1

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height of an upright picture."""
        sides = self.width, self.height
        return sides[::-1] if swaps_sides(self.orientation) else sides

    def decode(self, data: Data) -> Samples:
        """The samples (frames, height, width, bands) of all pictures, upright.

        They have 16 bits if the file has more than 8. Raises ValueError if the file is damaged,
        and MemoryError.
        """
        shape = (self.frames, self.height, self.width, self.bands)
        # Zeros, because a decoder that ends early leaves frames as they are. imagecodecs compares
        # the shape, without axes of one frame or band, before it decodes the second frame.
        film = np.zeros(shape, np.uint8 if self.depth == _BYTE else np.uint16)
        place = film if self.frames > 1 else film[0]
        try:
            with allocation_failures():
                libavif.avif_decode(
                    data, numthreads=1, out=place if self.bands > 1 else place[..., 0]
                )
        except RuntimeError:
            raise ValueError("damaged") from None
        if self.depth > _BYTE:
            film[...] = film << 16 - self.depth | film >> 2 * self.depth - 16
        return upright(film, self.orientation)


@dataclass(frozen=True, slots=True)
class Sequence(Pictures):
    """An image sequence. `plays` is 0 for an endless loop; `durations` are in milliseconds.

    `readable` says that `decode` supports it: an AVIF with the brand of sequences, and one
    track of pictures of `width` x `height` pixels. There may be one track of alpha, and no others:
    libavif may take any track for alpha. Other sequences have no `durations`.
    """

    plays: int = 0
    durations: tuple[int, ...] = ()
    readable: bool = False


def read_sequence(data: Data, most_frames: int) -> Sequence | None:
    """The sequence in a HEIF or AVIF, None if there is none.

    The pictures of a sequence with more than `most_frames` frames are not checked.
    Raises ValueError if the boxes cannot be followed.
    """
    try:
        return _sequence(memoryview(data), most_frames)
    except (struct.error, LookupError, ZeroDivisionError):
        raise ValueError("a box is missing, too short or wrong") from None


def _sequence(data: memoryview, most_frames: int) -> Sequence | None:
    every = list(_tracks(data))
    tracks = [track for track in every if track is not None]
    shown = [track for track in tracks if track.kind == _PICTURES]
    masks = [track for track in tracks if track.kind == _ALPHA]
    if not shown:
        return None
    first = shown[0]
    readable = bytes(data[_MAJOR_BRAND]) == b"avis" and len(shown) == 1 and len(masks) < 2
    readable = readable and len(tracks) == len(every)
    durations: tuple[int, ...] = ()
    turned = 1
    try:
        turned = orientation(first.turns)
    except ValueError:  # the still image is shown instead
        readable = False
    if readable and first.frames <= most_frames:
        readable = all(track.is_plain(data, first) for track in tracks)
        durations = first.durations() if readable else ()
    bands = (1 if first.monochrome else 3) + len(masks)
    return Sequence(
        *(first.width, first.height, first.depth, bands, turned, first.frames),
        *(first.plays, durations, readable),
    )


def _tracks(data: memoryview) -> Iterator[_Track | None]:
    """All tracks, None for those without pictures or alpha. Raises errors of reading boxes."""
    for kind, movie in boxes(data, lenient=True):
        for name, content in boxes(movie) if kind == b"moov" else ():
            if name == b"trak":
                track = _named(content)
                media = _named(track[b"mdia"])
                handler = bytes(media[b"hdlr"][8:12])
                known = handler in (_PICTURES, _ALPHA)
                yield _Track.read(handler, track, media) if known else None


def _named(content: memoryview) -> dict[bytes, memoryview]:
    """The boxes in a box by their types.

    Raises ValueError if one in _SINGLE occurs twice, since two readers may choose different
    ones. Others may: colours are given by code points and by a profile.
    """
    found = list(boxes(content))
    by_name = dict(found)
    names = [name for name, _ in found if name in _SINGLE]
    if len(names) != len(set(names)):
        raise ValueError("a box occurs twice")
    return by_name


@dataclass(frozen=True, slots=True)
class _Track:
    kind: bytes
    coding: bytes
    width: int
    height: int
    scaled: bool
    depth: int
    monochrome: bool
    frames: int
    plays: int
    timescale: int
    turns: tuple[tuple[bytes, int], ...]
    table: dict[bytes, memoryview]

    @classmethod
    def read(
        cls, kind: bytes, track: dict[bytes, memoryview], media: dict[bytes, memoryview]
    ) -> _Track:
        table = _named(_named(media[b"minf"])[b"stbl"])
        coding, entry = next(boxes(table[b"stsd"][8:]), (b"", memoryview(b"")))
        width, height = struct.unpack_from(">2H", entry, _SIDES)
        settings = _named(entry[_ENTRY_END:])
        av1c = settings.get(b"av1C", memoryview(b""))
        turns = tuple((kind, settings[kind][0]) for kind in settings if kind in TURNS)
        sizes = table.get(b"stsz", table.get(b"stz2", memoryview(b"")))
        (frames,) = struct.unpack_from(">8xI", sizes)
        plays = _plays(track[b"tkhd"], track.get(b"edts"))
        # libavif scales frames to the sides of the track, which have 16 bits behind the point.
        scaled = struct.unpack(">2I", track[b"tkhd"][-8:]) != (width << 16, height << 16)
        version, _, header = full(media[b"mdhd"])
        header.uint(16 if version else 8)
        sides = (width, height, scaled)
        kinds = depth_of(av1c), is_monochrome(av1c)
        return cls(kind, coding, *sides, *kinds, frames, plays, header.uint(4), turns, table)

    def durations(self) -> tuple[int, ...]:
        """The milliseconds that each frame is shown. Raises ValueError if the track lacks some."""
        (count,) = struct.unpack_from(">4xI", self.table[b"stts"])
        runs = struct.iter_unpack(">2I", self.table[b"stts"][8 : 8 + 8 * count])
        times = chain.from_iterable(repeat(time, frames) for frames, time in runs)
        found = tuple(round(1000 * time / self.timescale) for time in islice(times, self.frames))
        if len(found) < self.frames:
            raise ValueError("frames without a duration")
        return found

    def is_plain(self, data: memoryview, first: _Track) -> bool:
        """Whether it is like the `first` track, and all its coded pictures have the same size.

        Raises ValueError if samples are missing.
        """
        alike = (self.coding, self.width, self.height, self.frames)
        if alike != (b"av01", first.width, first.height, first.frames) or self.scaled:
            return False
        found: set[tuple[int, int]] = set()
        places = list(self._places())
        if any(start + size > len(data) for start, size in places):
            raise ValueError("truncated")
        try:
            for start, size in places:
                found |= announced_sizes(bytes(data[start : start + size]))
        except ValueError:
            return False
        return found == {(self.width, self.height)}

    def _places(self) -> Iterator[tuple[int, int]]:
        """Where each sample begins, and its size in bytes."""
        (size,) = struct.unpack_from(">4xI", self.table[b"stsz"])
        sizes = (size,) * self.frames
        if size == 0:
            sizes = struct.unpack_from(f">{self.frames}I", self.table[b"stsz"], 12)
        name, number = (b"stco", "I") if b"stco" in self.table else (b"co64", "Q")
        if {b"stco", b"co64"} <= self.table.keys():
            raise ValueError("two tables of places")
        (chunks,) = struct.unpack_from(">4xI", self.table[name])
        (count,) = struct.unpack_from(">4xI", self.table[b"stsc"])
        if not count <= chunks <= self.frames:
            raise ValueError("more chunks than samples")
        starts = struct.unpack_from(f">{chunks}{number}", self.table[name], 8)
        runs = list(struct.iter_unpack(">3I", self.table[b"stsc"][8 : 8 + 12 * count]))
        at = run = 0
        for chunk, start in enumerate(starts, 1):
            while run + 1 < len(runs) and runs[run + 1][0] <= chunk:
                run += 1
            place = start
            for size in sizes[at : at + runs[run][1]]:
                yield place, size
                place += size
            at += runs[run][1]
        if at != self.frames:
            raise ValueError("samples without a place, or places without a sample")


def _plays(tkhd: memoryview, edts: memoryview | None) -> int:
    """How often a track is played; 0 for an endless loop, and if the file does not say."""
    if edts is None:
        return 0
    version, _, header = full(tkhd)
    header.uint(24 if version else 16)
    duration = header.uint(8 if version else 4)
    edit_version, flags, edits = full(only(list(boxes(edts)), b"elst"))
    if not flags & 1:
        return 1
    if duration == _ENDLESS.get(version):
        return 0
    edits.uint(4)
    segment = edits.uint(8 if edit_version else 4)
    return -(-duration // segment) if segment else 0
