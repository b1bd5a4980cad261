"""Decompression bombs and similar files, of a few kilobytes to a few megabytes, made by code."""

from __future__ import annotations

import struct
import zlib
from functools import cache

import numpy as np

from tests.images.files import SAVERS, image_of

MIB = 2**20


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + _crc(kind + content)


def png(extra: bytes = b"", pixels: bytes | None = None) -> bytes:
    """A PNG of 16 x 16, with extra chunks before its pixels, or with these compressed pixels."""
    header = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(16 * 49)) if pixels is None else pixels
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@cache
def zeros(mebibytes: int) -> bytes:
    """Compressed zeros, a thousandth of the size."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(mebibytes)) + packer.flush()


def deflated(kind: str, content: bytes) -> bytes:
    """A chunk of a PNG that holds `content` compressed: zTXt, iTXt or iCCP."""
    prefix = {"zTXt": b"Comment\0\0", "iTXt": b"Comment\0\1\0\0\0", "iCCP": b"profile\0\0"}
    return chunk(kind.encode(), prefix[kind] + zlib.compress(content))


def text(mebibytes: int) -> bytes:
    """A text that decompresses to this size."""
    return chunk(b"zTXt", b"Comment\0\0" + zeros(mebibytes))


def segment(marker: int, content: bytes) -> bytes:
    """One marker of a JPEG with its length and content."""
    return bytes((0xFF, marker)) + struct.pack(">H", 2 + len(content)) + content


def jpeg_scans(side: int, scans: int, before: bytes = b"", *, runs: bool = False) -> bytes:
    """A grey progressive JPEG whose scans change nothing, in a few bytes each.

    `before` precedes the marker of each scan but the first. With `runs`, one code
    stands for 32,767 blocks, else for one.
    """
    blocks = (side // 8) ** 2
    tables = segment(0xDB, bytes([0, *[1] * 64]))
    frame = segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + bytes((1, 0x11, 0)))
    huffman = segment(0xC4, bytes([0x00, 1, *[0] * 15, 0]))
    # The only symbol: the end of this block, or of 16,384 and as many more as 14 bits say.
    huffman += segment(0xC4, bytes([0x10, 1, *[0] * 15, 0xE0 if runs else 0]))
    first = segment(0xDA, bytes((1, 1, 0, 0, 0, 0))) + bytes(-(-blocks // 8))
    nothing = _runs(-(-blocks // 32_767)) if runs else bytes(-(-blocks // 8))
    rest = b""
    for number in range(scans - 1):
        coefficient, depth = 1 + number // 14 % 63, 13 - number % 14
        bits = (depth + 1 if depth < 13 else 0) << 4 | depth
        parameters = bytes((1, 1, 0, coefficient, coefficient, bits))
        rest += before + segment(0xDA, parameters) + nothing
    return b"\xff\xd8" + tables + frame + huffman + first + rest + b"\xff\xd9"


def _runs(count: int) -> bytes:
    """The data of a scan with this many runs of the greatest length, without markers."""
    bits = ("0" + "1" * 14) * count
    whole = bits + "1" * (-len(bits) % 8)
    data = int(whole, 2).to_bytes(len(whole) // 8, "big")
    return data.replace(b"\xff", b"\xff\0")


def tiff_pages(pages: int, *, ring: bool = False, big: bool = False) -> bytes:
    """A TIFF of pages of one pixel; in a ring, the last is followed by the first."""
    tags = [
        (256, 1),
        (257, 1),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 4),
        (277, 1),
        (278, 1),
        (279, 1),
    ]
    entry, start = ("<HHQQ", 16) if big else ("<HHII", 8)
    body = struct.pack("<Q" if big else "<H", len(tags))
    body += b"".join(struct.pack(entry, tag, 4, 1, value) for tag, value in tags)
    size = len(body) + (8 if big else 4)
    parts = [b"II+\0\x08\0\0\0" + struct.pack("<Q", start) if big else b"II*\0\x08\0\0\0"]
    for number in range(1, pages + 1):
        following = start + size * number if number < pages else start * ring
        parts.append(body + struct.pack("<Q" if big else "<I", following))
    return b"".join(parts)


def tiff_tags(
    tags: int, pages: int = 1, value: bytes = b"", *, order: str = "<", big: bool = False
) -> bytes:
    """A TIFF of pages of one pixel with so many tags, most of them unknown to libtiff.

    The pages share `value`, which is of a tag that they all have, if there is any.
    """
    known = [(256, 4, 1, 1), (257, 4, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    known += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, 1, 1)]
    known += [(50_000, 7, len(value), -1)] if value else []
    known += [(50_001 + number, 4, 1, 1) for number in range(tags - len(known))]
    number = "Q" if big else "I"
    start = 16 if big else 8
    size = (8 if big else 2) + (20 if big else 12) * len(known) + (8 if big else 4)

    def entry(tag: int, kind: int, count: int, content: int) -> bytes:
        content = start + size * pages if content < 0 else content
        if order == ">" and count == 1:  # the value lies in the first bytes of its place
            content <<= 8 * ((8 if big else 4) - {3: 2, 4: 4}[kind])
        return struct.pack(f"{order}HH{number}{number}", tag, kind, count, content)

    directory = struct.pack(order + ("Q" if big else "H"), len(known))
    directory += b"".join(entry(*one) for one in known)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, start) if big else struct.pack(order + "I", start)
    chain = (start + size * page if page < pages else 0 for page in range(1, pages + 1))
    return head + b"".join(directory + struct.pack(order + number, at) for at in chain) + value


def tiff_of(width: int, height: int, tile: int) -> bytes:
    """A TIFF that claims one tile of this size and has no data for it."""
    tags = [(256, width), (257, height), (258, 8), (259, 8), (262, 1), (277, 1)]
    tags += [(322, tile), (323, tile), (324, 8), (325, 100)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


def tiff_bands(side: int, bands: int) -> bytes:
    """A TIFF of many 16-bit samples per pixel, whose rows share the same compressed zeros."""
    row = zlib.compress(bytes(side * bands * 2), 9)
    tags = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, bands, -1), (259, 3, 1, 8)]
    tags += [(262, 3, 1, 1), (273, 4, side, -2), (277, 3, 1, bands), (278, 4, 1, 1)]
    tags += [(279, 4, side, -3), (284, 3, 1, 1)]
    depths = 8 + 2 + 12 * len(tags) + 4
    places = depths + 2 * bands
    lengths = places + 4 * side
    at = {-1: depths, -2: places, -3: lengths}
    entries = [struct.pack("<HHII", *rest, at.get(value, value)) for *rest, value in tags]
    content = struct.pack("<H", 16) * bands + struct.pack("<I", lengths + 4 * side) * side
    content += struct.pack("<I", len(row)) * side + row
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    return head + b"".join(entries) + bytes(4) + content


def gif_frames(frames: int, side: int = 1) -> bytes:
    """A GIF of many frames of one pixel, on a screen of `side`."""
    screen = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return screen + frame * frames + b";"


def webp_frames(frames: int, side: int = 1) -> bytes:
    """A WebP of many frames of one pixel, on a canvas of `side`."""
    black = image_of(np.zeros((1, 1, 3), np.uint8))
    picture = bytes(black.webpsave_buffer(lossless=True, keep="none"))[12:]
    content = bytes(12) + b"\x01\0\0\0" + picture
    frame = b"ANMF" + struct.pack("<I", len(content)) + content
    canvas = (side - 1).to_bytes(3, "little") * 2
    head = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas
    body = head + b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def claiming(fmt: str, width: int, height: int) -> bytes:
    """A file of 16 x 16 whose header claims another size."""
    data = bytearray(SAVERS[fmt](image_of(np.full((16, 16, 3), 90, np.uint8))))
    if fmt == "jpeg":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", height % 65536, width % 65536)
    elif fmt == "png":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = _crc(bytes(data[12:29]))
    elif fmt == "gif":
        data[6:10] = struct.pack("<HH", width % 65536, height % 65536)
    elif fmt == "avif":
        at = data.index(b"ispe") + 8
        data[at : at + 8] = struct.pack(">II", width, height)
    return bytes(data)


def _crc(content: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(content))
