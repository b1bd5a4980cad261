"""What the header of an image file says, without a codec, and files that have only a header."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

from autoquality.v1 import encoding_pb2 as pb

UNKNOWN_SIZE = (640, 480)
"""Width and height of a file whose header the fake server does not read: TIFF and JPEG XL."""

_SIGNATURES = (
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("gif", re.compile(rb"GIF8[79]a")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("jxl", re.compile(rb"\xff\n|\0\0\0\x0cJXL \r\n\x87\n")),
    ("tiff", re.compile(rb"II[*+]\x00|MM\x00[*+]")),
    ("avif", re.compile(rb"....ftypavi[fs]", re.DOTALL)),
)
_WRITTEN = {
    "jpeg": pb.FORMAT_JPEG,
    "webp": pb.FORMAT_WEBP,
    "avif": pb.FORMAT_AVIF,
    "png": pb.FORMAT_PNG,
    "jxl": pb.FORMAT_JXL,
}


@dataclass(frozen=True, slots=True)
class Header:
    """The image in a file. Transparency may turn out to be opaque, which only a decoder sees."""

    kind: str
    """The name of the source's format, "raw" for bare pixels."""
    width: int = UNKNOWN_SIZE[0]
    height: int = UNKNOWN_SIZE[1]
    has_alpha: bool = False
    frames: int = 1

    @property
    def own_format(self) -> pb.Format.ValueType:
        """The format to write if the request has none."""
        natural = pb.FORMAT_PNG if self.has_alpha else pb.FORMAT_JPEG
        return _WRITTEN.get(self.kind, natural)

    @property
    def has_size(self) -> bool:
        """Whether the size of the file was read."""
        return self.kind in _READERS


def read(data: bytes) -> Header | None:
    """Read the header of a file. None for anything but an image.

    Raises ValueError for a header that is damaged or cut off.
    """
    kind = next((name for name, signature in _SIGNATURES if signature.match(data)), None)
    if kind is None:
        return None
    try:
        header = _READERS[kind](data) if kind in _READERS else Header(kind)
    except (struct.error, IndexError):
        raise ValueError(f"the header of this {kind} is cut off") from None
    if min(header.width, header.height) < 1:
        raise ValueError(f"the header of this {kind} has no size")
    return header


def of_raw(raw: pb.RawImage) -> Header:
    """Return the header of bare pixels. An opaque alpha is dropped, as by the real server."""
    alpha = raw.pixels[raw.bands - 1 :: raw.bands] if raw.bands in (2, 4) else b""
    return Header("raw", raw.width, raw.height, alpha.count(255) < len(alpha))


def header_of(request: pb.EncodeRequest) -> Header:
    """Return the header of a request's source. Bytes that are not an image count as a JPEG."""
    if request.HasField("raw"):
        return of_raw(request.raw)
    try:
        return read(request.image) or Header("jpeg")
    except ValueError:
        return Header("jpeg")


def _read_jpeg(data: bytes) -> Header:
    at = 2
    while data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Header("jpeg", width, height)
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        at += 2 + length
    raise ValueError("the JPEG has no frame")


def _read_png(data: bytes) -> Header:
    width, height, _depth, colours = struct.unpack_from(">IIBB", data, 16)
    before, _, _ = data.partition(b"IDAT")
    control = before.find(b"acTL")
    frames = 1 if control < 0 else struct.unpack_from(">I", data, control + 4)[0]
    return Header("png", width, height, colours in (4, 6) or b"tRNS" in before, frames)


def _read_gif(data: bytes) -> Header:
    width, height = struct.unpack_from("<HH", data, 6)
    flags = [flags[0] for flags in _GIF_FRAMES.findall(data)]
    # The transparency of an animation usually means that a pixel stays as it was.
    return Header("gif", width, height, len(flags) == 1 and bool(flags[0] & 1), max(1, len(flags)))


_GIF_FRAMES = re.compile(rb"!\xf9\x04(.)...\x00,", re.DOTALL)
"""The control block of each image with its flags, and the beginning of the image."""


def _read_webp(data: bytes) -> Header:
    chunk = data[12:16]
    if chunk == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return Header("webp", width, height, bool(data[20] & 16), max(1, data.count(b"ANMF")))
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1))
    width, height = struct.unpack_from("<HH", data, 26)
    return Header("webp", width & 0x3FFF, height & 0x3FFF)


def _read_avif(data: bytes) -> Header:
    at = data.index(b"ispe") + 8
    width, height = struct.unpack_from(">II", data, at)
    return Header("avif", width, height, b"auxiliary:alpha" in data)


_READERS = {
    "jpeg": _read_jpeg,
    "png": _read_png,
    "gif": _read_gif,
    "webp": _read_webp,
    "avif": _read_avif,
}


def header_bytes(format: pb.Format.ValueType, width: int, height: int) -> bytes:
    """Return the first bytes of a file, which `read` understands."""
    if format == pb.FORMAT_JPEG:
        frame = struct.pack(">HHBHHB", 0xFFC0, 11, 8, height, width, 1) + b"\x01\x11\x00"
        return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + frame
    if format == pb.FORMAT_PNG:
        return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", _png_header(width, height, 2))
    if format == pb.FORMAT_WEBP:
        sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        return b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + sides
    if format == pb.FORMAT_AVIF:
        return b"\0\0\0\x1cftypavif" + b"ispe\0\0\0\0" + struct.pack(">II", width, height)
    return b"\xff\x0a"


def png_image(width: int = 64, height: int = 48, *, alpha: bool = False) -> bytes:
    """Return a PNG of a colour gradient: a whole file, which the real server reads too.

    With `alpha`, its left half is transparent.
    """
    rows = bytearray()
    for y in range(height):
        rows.append(0)  # no filter
        for x in range(width):
            rows += bytes((255 * x // width, 255 * y // height, 128))
            if alpha:
                rows.append(255 if x >= width // 2 else 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _png_chunk(b"IHDR", _png_header(width, height, 6 if alpha else 2)),
            _png_chunk(b"IDAT", zlib.compress(bytes(rows))),
            _png_chunk(b"IEND", b""),
        )
    )


def _png_header(width: int, height: int, colours: int) -> bytes:
    return struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)


def _png_chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)
