"""Animations and files of several images that libvips does not write, made by code."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from tests.images.files import SAVERS, corners, image_of

Samples = npt.NDArray[np.uint8]

KEEP, CLEAR, RESTORE = 0, 1, 2

JPEG = bytes(SAVERS["jpeg"](image_of(corners())))
GAIN_MAP = b"http://ns.adobe.com/hdr-gain-map/1.0/"
ISO = (0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
RDF = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
TITLE = b"<dc:title>kept</dc:title>"
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF ' + RDF + b"><rdf:Description"
    b' xmlns:hdrgm="' + GAIN_MAP + b'" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    b" xmlns:C='http://ns.google.com/photos/1.0/container/'"
    b' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
    b' hdrgm:Version="1.0" dc:format="1 > 0">'
    b'<C:Directory><rdf:Seq><rdf:li><C:Item Item:Semantic="GainMap"/></rdf:li></rdf:Seq>'
    b"</C:Directory><hdrgm:Gamma/>" + TITLE + b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
"""Announces a gain map and a container of several images, next to a title."""


@dataclass(frozen=True)
class Frame:
    """One frame of an APNG: samples (height, width, bands) and how they are blended."""

    samples: npt.NDArray
    left: int = 0
    top: int = 0
    delay: tuple[int, int] = (1, 10)
    after: int = KEEP
    over: bool = False


@dataclass(frozen=True)
class GifFrame:
    """One frame of a GIF, of one colour of the palette. It is shown for 70 ms."""

    sides: tuple[int, int]
    colour: int
    left: int = 0
    top: int = 0
    disposal: int = 0
    transparent: int | None = None


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG: name and content of each."""
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def apng(
    frames: Sequence[Frame],
    *,
    default: npt.NDArray | None = None,
    plays: int = 0,
    announced: int | None = None,
) -> bytes:
    """An APNG, with the chunks of the first frame's PNG; `default` is an image before the frames.

    Each frame's data is split in two chunks, as encoders may.
    """
    files = [_png(frame.samples) for frame in frames]
    first = files[0] if default is None else _png(default)
    number = 0
    before = [one for one in chunks(first) if one[0] not in (b"IDAT", b"IEND")]
    out = [(b"acTL", struct.pack(">II", len(frames) if announced is None else announced, plays))]
    if default is not None:
        out += [one for one in chunks(first) if one[0] == b"IDAT"]
    for at, (frame, file) in enumerate(zip(frames, files, strict=True)):
        height, width = frame.samples.shape[:2]
        place = (number, width, height, frame.left, frame.top)
        out.append((b"fcTL", struct.pack(">5I2H2B", *place, *frame.delay, frame.after, frame.over)))
        number += 1
        data = b"".join(content for kind, content in chunks(file) if kind == b"IDAT")
        for part in (data[: len(data) // 2], data[len(data) // 2 :]):
            if at == 0 and default is None:
                out.append((b"IDAT", part))
            else:
                out.append((b"fdAT", struct.pack(">I", number) + part))
                number += 1
    made = [*before, *out, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, content) for kind, content in made)


def _png(samples: npt.NDArray) -> bytes:
    wide = "grey16" if samples.shape[-1] < 3 else "rgb16"
    return bytes(image_of(samples, wide if samples.dtype == np.uint16 else None).pngsave_buffer())


def avif_sequence(frames: Sequence[npt.NDArray], delays: Sequence[int], bits: int = 8) -> bytes:
    """An AVIF of brand "avis" with (height, width, bands) frames, R first; endless."""
    film = cv2.Animation()
    order = {1: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[frames[0].shape[-1]]
    film.frames = [frame if order is None else cv2.cvtColor(frame, order) for frame in frames]
    film.durations = np.array(delays)
    settings = (cv2.IMWRITE_AVIF_QUALITY, 95, cv2.IMWRITE_AVIF_DEPTH, bits)
    done, data = cv2.imencodeanimation(".avif", film, settings)
    assert done
    return data.tobytes()


def with_plays(avif: bytes, plays: int) -> bytes:
    """An AVIF sequence that is played `plays` times: its track is that many edits long."""
    at = avif.index(b"elst") + 4
    assert avif[at] == 1, "of version 1, with 64 bits"
    (segment,) = struct.unpack_from(">Q", avif, at + 8)
    data = bytearray(avif)
    if plays == 1:
        data[at + 3] = 0
    header = avif.index(b"tkhd") + 4
    assert avif[header] == 1
    struct.pack_into(">Q", data, header + 28, segment * plays)
    return bytes(data)


def with_chunks(avif: bytes) -> bytes:
    """An AVIF sequence of 4 frames, in chunks of 2, 1 and 1. All are key frames."""
    table, keys = avif.index(b"stsz") - 4, avif.index(b"stss") - 4
    sizes = struct.unpack_from(">4I", avif, table + 20)
    (first,) = struct.unpack_from(">I", avif, avif.index(b"stco") + 12)
    starts = first, first + sum(sizes[:2]), first + sum(sizes[:3])
    chunks = struct.pack(">I4s8I", 40, b"stsc", 0, 2, *(1, 2, 1), *(2, 1, 1))
    places = struct.pack(">I4s5I", 28, b"stco", 0, 3, *starts)
    made = avif[: avif.index(b"stsc") - 4] + chunks + avif[table : table + 36] + places
    assert len(made) == keys + 20, "as long as before, without the list of key frames"
    return made + avif[keys + 20 :]


def mpf(
    images: Sequence[bytes],
    kinds: Sequence[int] | None = None,
    segments: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """A JPEG with an index of images of these `kinds`; `segments` go into the first."""
    kinds = kinds or [0x030000, *[0] * (len(images) - 1)]
    extra = b"".join(segment(code, content) for code, content in segments)
    index = struct.pack(">2sHIH", b"MM", 42, 8, 2)
    index += struct.pack(">HHII", 0xB001, 4, 1, len(images))
    index += struct.pack(">HHII", 0xB002, 7, 16 * len(images), 8 + 2 + 24 + 4) + bytes(4)
    before = 2 + len(extra) + 4 + 4  # up to the index: the header of its segment, and its signature
    first = before + len(index) + 16 * len(images) + len(images[0]) - 2
    offset = 0
    for at, (image, kind) in enumerate(zip(images, kinds, strict=True)):
        index += struct.pack(">IIIHH", kind, len(image), offset - before if at else 0, 0, 0)
        offset = (offset or first) + (len(image) if at else 0)
    start = images[0][:2] + extra + segment(0xE2, b"MPF\0" + index)
    return start + images[0][2:] + b"".join(images[1:])


def segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, 2 + len(content)) + content


def gif(
    sides: tuple[int, int], frames: Sequence[GifFrame], palette: Sequence[tuple[int, int, int]]
) -> bytes:
    """A GIF of `sides` whose frames take their colours from a palette of 4; endless."""
    out = b"GIF89a" + struct.pack("<2H3B", *sides, 0x81, 0, 0)
    out += b"".join(map(bytes, palette)) + b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    for one in frames:
        flags = one.disposal << 2 | (one.transparent is not None)
        out += struct.pack("<4BH2B", 0x21, 0xF9, 4, flags, 7, one.transparent or 0, 0)
        out += struct.pack("<B4HB", 0x2C, one.left, one.top, *one.sides, 0)
        out += _lzw(one.colour, one.sides[0] * one.sides[1])
    return out + b";"


def _lzw(colour: int, count: int) -> bytes:
    """`count` pixels of one of 4 colours, in codes of 3 bits: a clear code (4) before each pair."""
    codes = [code for _ in range(-(-count // 2)) for code in (4, colour, colour)]
    codes = [*codes[: len(codes) - count % 2], 5]
    bits = sum(code << 3 * at for at, code in enumerate(codes))
    coded = bits.to_bytes(-(-3 * len(codes) // 8), "little")
    blocks = (coded[at : at + 255] for at in range(0, len(coded), 255))
    return b"\x02" + b"".join(bytes((len(one),)) + one for one in blocks) + b"\0"
