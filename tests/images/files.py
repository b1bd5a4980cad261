"""Image files of every kind, made by code."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.images import ImageLimits
from tests.images.jxl_files import jxl

AMPLE = ImageLimits(max_bytes=1 << 26, max_pixels=50_000_000)

SAVERS = {
    "jpeg": lambda image: image.jpegsave_buffer(Q=95, subsample_mode="off"),
    "png": lambda image: image.pngsave_buffer(),
    "webp": lambda image: image.webpsave_buffer(lossless=True),
    "avif": lambda image: image.heifsave_buffer(compression="av1", Q=95, subsample_mode="off"),
    "gif": lambda image: image.gifsave_buffer(dither=0),
    "tiff": lambda image: image.tiffsave_buffer(),
    "jxl": jxl,
}


def image_of(samples: npt.NDArray, interpretation: str | None = None) -> pyvips.Image:
    """A libvips image of its own of (height, width, bands) samples."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(samples))
    plain = "b-w" if samples.shape[-1] < 3 else "srgb"
    return image.copy(interpretation=interpretation or plain)


def corners(width: int = 48, height: int = 32) -> npt.NDArray[np.uint8]:
    """A picture whose orientation is visible: a red, a green, a blue and a white quarter."""
    samples = np.empty((height, width, 3), np.uint8)
    samples[: height // 2, : width // 2] = (200, 0, 0)
    samples[: height // 2, width // 2 :] = (0, 200, 0)
    samples[height // 2 :, : width // 2] = (0, 0, 200)
    samples[height // 2 :, width // 2 :] = 255
    return samples


def animated(
    frames: Sequence[npt.NDArray[np.uint8]], delays: Sequence[int], fmt: str = "webp"
) -> bytes:
    """An animation of (height, width, bands) frames that lasts `delays` milliseconds."""
    image = image_of(np.concatenate(frames))
    image.set_type(pyvips.GValue.gint_type, "page-height", frames[0].shape[0])
    image.set_type(pyvips.GValue.array_int_type, "delay", list(delays))
    image.set_type(pyvips.GValue.gint_type, "loop", 3)
    if fmt == "gif":
        return bytes(image.gifsave_buffer(dither=0))
    return bytes(image.webpsave_buffer(lossless=True))


def with_profile(image: pyvips.Image, profile: bytes) -> bytes:
    """A PNG with an ICC profile of any content."""
    data = bytes(image.pngsave_buffer(keep=pyvips.ForeignKeep.NONE))
    content = b"profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(content)) + b"iCCP" + content
    checksum = struct.pack(">I", zlib.crc32(b"iCCP" + content))
    after_header = 8 + 25  # the signature, then IHDR with its length, name and checksum
    return data[:after_header] + chunk + checksum + data[after_header:]


def grey_profile(gamma: float) -> bytes:
    """An ICC 2.1 profile of a grey display of that gamma."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    curve = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(gamma * 256), 0)
    text = b"grey\0"
    name = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(8 + 70 + 1)
    rights = b"text\0\0\0\0none\0\0\0\0"
    tags = {b"desc": name, b"wtpt": white, b"kTRC": curve, b"cprt": rights}
    offset = 128 + 4 + 12 * len(tags)
    table, content = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        table += tag + struct.pack(">II", offset + len(content), len(value))
        content += value.ljust(-(-len(value) // 4) * 4, b"\0")
    size = struct.pack(">I", offset + len(content))
    header = size + bytes(4) + b"\x02\x10\0\0mntrGRAYXYZ " + bytes(12) + b"acsp" + bytes(28)
    illuminant = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    return (header + illuminant).ljust(128, b"\0") + table + content


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG that claims a size and has no pixels to show for it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def png_with(image: pyvips.Image, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG with further chunks right behind its header."""
    data = bytes(image.pngsave_buffer(keep=pyvips.ForeignKeep.NONE))
    added = b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
    after_header = 8 + 25
    return data[:after_header] + added + data[after_header:]


def avif_with(image: pyvips.Image, primaries: int, transfer: int, *boxes: bytes) -> bytes:
    """An AVIF of one picture without alpha and its colours in a box of type nclx.

    `boxes` are further properties of the picture. 16-bit images are written in 10 bits.
    """
    deep = image.format == "ushort"
    data = bytes(
        image.heifsave_buffer(
            compression="av1",
            bitdepth=10 if deep else 8,
            Q=100,
            subsample_mode="off",
            keep=pyvips.ForeignKeep.NONE,
        )
    )

    def box(kind: bytes, *parts: bytes) -> bytes:
        content = b"".join(parts)
        return struct.pack(">I", 8 + len(content)) + kind + content

    def full(kind: bytes, *parts: bytes) -> bytes:
        return box(kind, bytes(4), *parts)

    at = data.index(b"av1C") - 4
    settings = data[at : at + struct.unpack_from(">I", data, at)[0]]
    picture = data[data.index(b"mdat") + 4 :]
    depth = 10 if deep else 8
    properties = (
        full(b"ispe", struct.pack(">II", image.width, image.height)),
        full(b"pixi", bytes((3, depth, depth, depth))),
        settings,
        # BT.601 (6) is what libheif writes Y, Cb and Cr by.
        box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, 6, 0x80)),
        *boxes,
    )
    kind = box(b"ftyp", b"avif", bytes(4), b"avifmif1miaf")

    def meta(offset: int) -> bytes:
        numbers = bytes(range(1, len(properties) + 1))
        entry = box(b"infe", b"\2\0\0\0", struct.pack(">HH", 1, 0), b"av01\0")
        place = struct.pack(">BBHHHHII", 0x44, 0, 1, 1, 0, 1, offset, len(picture))
        return full(
            b"meta",
            full(b"hdlr", bytes(4), b"pict", bytes(13)),
            full(b"pitm", struct.pack(">H", 1)),
            full(b"iloc", place),
            full(b"iinf", struct.pack(">H", 1), entry),
            box(
                b"iprp",
                box(b"ipco", *properties),
                full(b"ipma", struct.pack(">IHB", 1, 1, len(numbers)), numbers),
            ),
        )

    return kind + meta(len(kind) + len(meta(0)) + 8) + box(b"mdat", picture)
