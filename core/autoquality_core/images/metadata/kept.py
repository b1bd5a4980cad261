"""The metadata to write for a source: EXIF, XMP and IPTC.

Copyright and author are collected from all places where a source may have them, and
written to EXIF, which every format holds. EXIF and XMP are changed to describe the
upright image, and lose their thumbnails, which are not upright.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from fractions import Fraction

from autoquality_core.images.metadata import exif, iptc, xmp
from autoquality_core.images.png.chunks import read_density, read_texts
from autoquality_core.runtime.codecs import pyvips
from autoquality_core.types import Data

LONGEST_TEXT = 2048
"""Bytes of the copyright or the author that are written; longer texts are cut."""

MOST_BYTES = 1 << 24
"""Of a block. Blocks are held while a request waits."""

_KEYWORDS = {exif.ARTIST: "Author", exif.COPYRIGHT: "Copyright"}
"""The texts to collect: their EXIF tags, and their keywords in a PNG."""

_PNG_TAGS = {"Description": exif.DESCRIPTION, "Software": exif.SOFTWARE}
_TEXTS = frozenset({exif.ARTIST, exif.COPYRIGHT, *_PNG_TAGS.values()})
_DENSITY = frozenset({exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT})
_INCHES_PER_METRE = Fraction(10_000, 254)
_EXIF_BEGIN = re.compile(rb"II\*\0|MM\0\*")


@dataclass(frozen=True, slots=True)
class Blocks:
    """The metadata of a file as libvips finds it, without blocks that are too large."""

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    too_large: tuple[str, ...] = ()

    @classmethod
    def of(cls, header: pyvips.Image) -> Blocks:
        found, too_large = {}, []
        for name in ("exif", "xmp", "iptc"):
            block = header.get(f"{name}-data") if header.get_typeof(f"{name}-data") else b""
            if len(block) > MOST_BYTES:
                too_large.append(f"{name.upper()} has {len(block)} bytes")
            else:
                found[name] = bytes(block)
        return cls(**found, too_large=tuple(too_large))

    def are(self, metadata: Metadata) -> bool:
        """Whether these blocks are what `metadata` writes."""
        same = (_bare(self.exif) or self.exif, self.xmp) == (metadata.exif, metadata.xmp)
        return same and not (self.iptc or self.too_large)


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata to write; blocks are empty if absent.

    `exif` begins with its byte order, `iptc` consists of records. `copyright` is an
    EXIF block with copyright and author only, to write if there is no room for more.
    `dropped` describes what could not be kept.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    copyright: bytes = b""
    dropped: tuple[str, ...] = attribute(default=(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.exif or self.xmp or self.iptc)

    @property
    def size(self) -> int:
        return len(self.exif) + len(self.xmp) + len(self.iptc)

    def alone(self) -> Metadata:
        """Copyright and author only."""
        return Metadata(exif=self.copyright, copyright=self.copyright)

    def choices(self) -> tuple[Metadata, ...]:
        """The choices to write, from most to least: all, copyright and author, nothing."""
        return tuple(dict.fromkeys((self, self.alone(), Metadata())))


NO_METADATA = Metadata()


def kept_metadata(
    data: Data,
    name: str,
    blocks: Blocks,
    size: tuple[int, int],
    *,
    swapped: bool,
    everything: bool,
    copyright_too: bool,
) -> Metadata:
    """The metadata to write for a source of format `name`.

    `size` is width and height of the upright image; `swapped` says that the source has
    them exchanged. `everything` keeps all metadata, `copyright_too` asks for copyright
    and author.
    """
    if not (everything or copyright_too):
        return NO_METADATA
    tiff = exif.Tiff.of(data if name == "tiff" else _bare(blocks.exif))
    packet = blocks.xmp or (xmp.packet_of_gif(data) if name == "gif" else b"")
    records = iptc.records_of(blocks.iptc)
    keywords = (*_KEYWORDS.values(), *_PNG_TAGS)
    texts = read_texts(data, keywords) if name == "png" else {}
    found = _author_and_copyright(tiff, packet, records, texts)
    alone, cut = _alone(found) if copyright_too else (b"", ())
    if not everything:
        return Metadata(exif=alone, copyright=alone, dropped=cut)

    extra = dict(_density(data, name, "<" if tiff is None else tiff.order, swapped=swapped))
    extra |= {tag: exif.text(text) for tag, text in found.items()}
    extra |= {tag: exif.text(texts[key]) for key, tag in _PNG_TAGS.items() if key in texts}
    dropped = list(blocks.too_large)
    if blocks.exif and tiff is None:
        dropped.append("EXIF is damaged")
    if b"\0" in packet.strip(b"\0"):
        dropped.append("XMP is not UTF-8")
        packet = b""
    if (kept := xmp.without_announcements(packet)) is None:
        dropped.append("XMP announces images that are not kept")
    written = _exif(tiff, name, extra, size, swapped=swapped)
    return Metadata(written, xmp.upright(kept or b""), records, alone, tuple(dropped))


def _exif(
    tiff: exif.Tiff | None, name: str, extra: exif.Tags, size: tuple[int, int], *, swapped: bool
) -> bytes:
    """The EXIF block for the upright image: that of the source, with `extra` where it has none."""
    if tiff is None:
        return exif.block(extra) if extra else b""
    known = tiff.first.entries
    has_density = not _DENSITY.isdisjoint(known)
    new = {
        tag: value
        for tag, value in extra.items()
        if (tag not in known or (tag in _TEXTS and not tiff.text(tag)))
        and not (has_density and tag in _DENSITY)
    }
    if name != "tiff":
        return exif.cleaned(tiff, size, swapped=swapped, extra=new)
    written = exif.Tiff.of(exif.block_of_tiff(tiff, new))
    return b"" if written is None else exif.cleaned(written, size, swapped=swapped, extra={})


def _bare(block: bytes) -> bytes:
    """An EXIF block without the prefix that it has in some formats; empty if it is none."""
    begins = _EXIF_BEGIN.search(block[:16])
    return b"" if begins is None else block[begins.start() :]


def _author_and_copyright(
    tiff: exif.Tiff | None, packet: bytes, records: bytes, texts: Mapping[str, bytes]
) -> dict[int, bytes]:
    """Author and copyright by their EXIF tags: from EXIF, else XMP, else IPTC, else PNG texts."""
    by_xmp = xmp.author_and_copyright(packet) if packet else (b"", b"")
    by_iptc = iptc.author_and_copyright(records)
    found = {}
    for at, (tag, keyword) in enumerate(_KEYWORDS.items()):
        own = b"" if tiff is None else tiff.text(tag)
        found[tag] = own or by_xmp[at] or by_iptc[at] or texts.get(keyword, b"")
    return {tag: text for tag, text in found.items() if text}


def _alone(found: Mapping[int, bytes]) -> tuple[bytes, tuple[str, ...]]:
    """An EXIF block with only copyright and author, and a description of each text that is cut."""
    short, cut = dict(found), []
    for tag, text in found.items():
        if len(text) > LONGEST_TEXT:
            short[tag] = text[:LONGEST_TEXT].decode(errors="ignore").encode()
            cut.append(f"the {_KEYWORDS[tag].lower()} has {len(text)} bytes: cut to {LONGEST_TEXT}")
    block = exif.block({tag: exif.text(text) for tag, text in short.items()}) if short else b""
    return block, tuple(cut)


def _density(data: Data, name: str, order: str, *, swapped: bool) -> exif.Tags:
    """The tags for the density of the upright image, from a JFIF segment or a PNG chunk.

    libvips makes up a density for a file without one.
    """
    if name == "jpeg" and bytes(data[2:4]) == b"\xff\xe0" and bytes(data[6:11]) == b"JFIF\0":
        unit, x, y = struct.unpack_from(">BHH", data, 13)
        unit = {1: exif.INCH, 2: exif.CENTIMETRE}.get(unit)
        across, down = Fraction(x), Fraction(y)
    elif name == "png":
        per_metre = read_density(data)
        unit, (across, down) = exif.CENTIMETRE, (Fraction(each, 100) for each in per_metre)
        inches = [round(each / _INCHES_PER_METRE) for each in per_metre]
        if all(round(i * _INCHES_PER_METRE) == m for i, m in zip(inches, per_metre, strict=True)):
            unit, (across, down) = exif.INCH, map(Fraction, inches)
    else:
        return {}
    if unit is None or not across or not down:
        return {}
    if swapped:
        across, down = down, across
    return {
        exif.X_RESOLUTION: exif.rational(across, order),
        exif.Y_RESOLUTION: exif.rational(down, order),
        exif.RESOLUTION_UNIT: exif.short(unit, order),
    }
