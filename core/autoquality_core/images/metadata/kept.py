"""What is kept of a source's EXIF, XMP and IPTC.

Copyright and author are looked for wherever a source may have them, and end up
in EXIF, which every format holds. EXIF and XMP that are kept say that the image
is upright, and lose their thumbnails, which are not.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from fractions import Fraction

import pyvips

from autoquality_core.images.metadata import exif
from autoquality_core.images.metadata.texts import (
    cleaned_xmp,
    iptc_records,
    iptc_texts,
    png_density,
    png_texts,
    xmp_of_gif,
    xmp_texts,
)
from autoquality_core.images.metadata.xmp import without_announcements
from autoquality_core.types import Data

LONGEST_TEXT = 2048
"""Bytes of the copyright or the author that are written; longer texts are cut."""

_MOST_BYTES = 1 << 24
"""Of a block. Blocks are held while a request waits."""

_KEYWORDS = {exif.ARTIST: "Author", exif.COPYRIGHT: "Copyright"}
_PNG_TAGS = {"Description": exif.DESCRIPTION, "Software": exif.SOFTWARE}


@dataclass(frozen=True, slots=True)
class Blocks:
    """The metadata that libvips finds in a file, as it stands there; without what is too large."""

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    too_large: tuple[str, ...] = ()

    @classmethod
    def of(cls, header: pyvips.Image) -> Blocks:
        """Of an opened file."""
        found, too_large = {}, []
        for name in ("exif", "xmp", "iptc"):
            block = header.get(f"{name}-data") if header.get_typeof(f"{name}-data") else b""
            if len(block) > _MOST_BYTES:
                too_large.append(f"{name.upper()} has {len(block)} bytes")
            else:
                found[name] = bytes(block)
        return cls(**found, too_large=tuple(too_large))


@dataclass(frozen=True, slots=True)
class Metadata:
    """What to write besides the pixels; blocks are empty where there is nothing.

    `exif` begins with its byte order, `iptc` are bare records. `copyright` is an
    EXIF block of copyright and author alone, to write where there is no room for
    the others. `dropped` says what of the source's could not be kept.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    copyright: bytes = b""
    dropped: tuple[str, ...] = attribute(default=(), compare=False)

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.exif or self.xmp or self.iptc)

    @property
    def size(self) -> int:
        """Bytes of the blocks."""
        return len(self.exif) + len(self.xmp) + len(self.iptc)

    def alone(self) -> Metadata:
        """Copyright and author, nothing else."""
        return Metadata(exif=self.copyright, copyright=self.copyright)

    def choices(self) -> tuple[Metadata, ...]:
        """What may be written in ever less room: all, copyright and author, nothing."""
        return tuple(dict.fromkeys((self, self.alone(), Metadata())))


NO_METADATA = Metadata()


def kept_metadata(
    data: Data,
    name: str,
    blocks: Blocks,
    sides: tuple[int, int],
    *,
    swapped: bool,
    everything: bool,
    copyright_too: bool,
) -> Metadata:
    """What to write of the metadata of a source of format `name`.

    `sides` are those of the upright image; `swapped` says whether the source
    has them exchanged. `everything` keeps what there is, `copyright_too` asks
    for copyright and author.
    """
    if not (everything or copyright_too):
        return Metadata()
    tiff = exif.Tiff.of(data) if name == "tiff" else _exif_of(blocks.exif)
    xmp = blocks.xmp or (xmp_of_gif(data) if name == "gif" else b"")
    iptc = iptc_records(blocks.iptc)
    texts = png_texts(data, (*_KEYWORDS.values(), *_PNG_TAGS)) if name == "png" else {}
    found = _copyright(tiff, xmp, iptc, texts)
    alone, cut = _alone(found) if copyright_too else (b"", ())
    if not everything:
        return Metadata(exif=alone, copyright=alone, dropped=cut)

    extra = dict(_density(data, name, "<" if tiff is None else tiff.order, swapped=swapped))
    extra |= {tag: exif.text(one) for tag, one in found.items()}
    extra |= {tag: exif.text(texts[key]) for key, tag in _PNG_TAGS.items() if key in texts}
    dropped = list(blocks.too_large)
    if blocks.exif and tiff is None:
        dropped.append("EXIF is damaged")
    if b"\0" in xmp.strip(b"\0"):
        dropped.append("XMP is not UTF-8")
        xmp = b""
    if (honest := without_announcements(xmp)) is None:
        dropped.append("XMP announces images that are not kept")
    written = _exif(tiff, name, extra, sides, swapped=swapped)
    return Metadata(written, cleaned_xmp(honest or b""), iptc, alone, tuple(dropped))


def _exif(
    tiff: exif.Tiff | None, name: str, extra: exif.Tags, sides: tuple[int, int], *, swapped: bool
) -> bytes:
    """The EXIF block of the source for the upright image, with what else was found of it."""
    if tiff is None:
        return exif.block(extra) if extra else b""
    known = tiff.first.entries
    new = {
        tag: one
        for tag, one in extra.items()
        if tag not in known or (tag in _TEXTS and not tiff.text(tag))
    }
    if _DENSITY & known.keys():
        new = {tag: one for tag, one in new.items() if tag not in _DENSITY}
    if name != "tiff":
        return exif.cleaned(tiff, sides, swapped=swapped, extra=new)
    written = exif.Tiff.of(exif.block_of_tiff(tiff, exif.from_tiff(tiff) | new))
    return b"" if written is None else exif.cleaned(written, sides, swapped=swapped, extra={})


_TEXTS = frozenset({exif.ARTIST, exif.COPYRIGHT, *_PNG_TAGS.values()})
_DENSITY = frozenset({exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT})


def _exif_of(block: bytes) -> exif.Tiff | None:
    """An EXIF block, whatever stands before it: formats differ in that."""
    begins = re.search(rb"II\*\0|MM\0\*", block[:16])
    return None if begins is None else exif.Tiff.of(block[begins.start() :])


def _copyright(
    tiff: exif.Tiff | None, xmp: bytes, iptc: bytes, texts: Mapping[str, bytes]
) -> dict[int, bytes]:
    """Author and copyright by their EXIF tags. EXIF goes before the others."""
    by_xmp, by_iptc = xmp_texts(xmp) if xmp else (b"", b""), iptc_texts(iptc)
    found = {}
    for at, (tag, keyword) in enumerate(_KEYWORDS.items()):
        own = b"" if tiff is None else tiff.text(tag)
        found[tag] = own or by_xmp[at] or by_iptc[at] or texts.get(keyword, b"")
    return {tag: text for tag, text in found.items() if text}


def _alone(found: Mapping[int, bytes]) -> tuple[bytes, tuple[str, ...]]:
    """An EXIF block of nothing but copyright and author, and what was cut of them."""
    cut = tuple(
        f"the {_KEYWORDS[tag].lower()} has {len(text)} bytes: cut to {LONGEST_TEXT}"
        for tag, text in found.items()
        if len(text) > LONGEST_TEXT
    )
    short = {
        tag: text[:LONGEST_TEXT].decode(errors="ignore").encode()
        if len(text) > LONGEST_TEXT
        else text
        for tag, text in found.items()
    }
    return exif.block({tag: exif.text(text) for tag, text in short.items()}) if found else b"", cut


def _density(data: Data, name: str, order: str, *, swapped: bool) -> exif.Tags:
    """The tags for the density of the upright image, from a JFIF segment or a PNG chunk.

    libvips cannot be asked: it makes one up where a file has none.
    """
    if name == "jpeg" and bytes(data[2:4]) == b"\xff\xe0" and bytes(data[6:11]) == b"JFIF\0":
        unit, x, y = struct.unpack_from(">BHH", data, 13)
        unit = {1: exif.INCH, 2: exif.CENTIMETRE}.get(unit)
        across, down = Fraction(x), Fraction(y)
    elif name == "png":
        x, y = png_density(data)
        unit, across, down = exif.CENTIMETRE, Fraction(x, 100), Fraction(y, 100)
        inches = [Fraction(round(one * Fraction("0.0254"))) for one in (x, y)]
        if [round(one / Fraction("0.0254")) for one in inches] == [x, y]:
            unit, (across, down) = exif.INCH, inches
    else:
        return {}
    if unit is None or not across or not down:
        return {}
    if swapped:
        across, down = down, across
    return {
        exif.X_RESOLUTION: exif.rational(across.numerator, across.denominator, order),
        exif.Y_RESOLUTION: exif.rational(down.numerator, down.denominator, order),
        exif.RESOLUTION_UNIT: exif.short(unit, order),
    }
