"""Hostile files of every kind, made by code: name and bytes of each."""

from __future__ import annotations

import random
import struct
import zipfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO

import numpy as np

from tests.hostile import bombs
from tests.hostile.derived import grid, overlay
from tests.images.files import SAVERS, animated, image_of, png_header, with_profile
from tests.images.films import Frame, apng, avif_sequence, mpf

Named = Iterator[tuple[str, bytes]]

FLIPS = 10
CUTS = 10


@cache
def everything() -> list[tuple[str, bytes]]:
    """All files, some 440."""
    return [*small(), *giants(), *unfolding()]


@cache
def small() -> list[tuple[str, bytes]]:
    """The files that claim no more than they hold, some 370."""
    return [*tiny(), *foreign(), *polyglots(), *cut(), *flipped()]


def sound() -> dict[str, bytes]:
    """Valid files of every kind, to be damaged: each format, animations, several images."""
    noise = np.random.default_rng(5).integers(0, 256, (40, 56, 3), np.uint8)
    files = {fmt: bytes(save(image_of(noise))) for fmt, save in SAVERS.items()}
    frames = [np.roll(noise, 5 * number, axis=1) for number in range(4)]
    files |= {f"{fmt}-film": animated(frames, [40] * 4, fmt) for fmt in ("gif", "webp")}
    files["apng-film"] = apng([Frame(frame) for frame in frames])
    files["avif-film"] = avif_sequence(frames, [40] * 4)
    files["jpeg-pair"] = mpf([files["jpeg"], files["jpeg"]])
    files["jpeg-progressive"] = bytes(image_of(noise).jpegsave_buffer(interlace=True))
    files["avif-grid"] = grid(2, 2, (100, 100), (100, 100))
    return files


def tiny() -> Named:
    """No bytes, one byte, and only the signatures of formats."""
    yield "nothing", b""
    for byte in (0x00, 0x47, 0x49, 0x89, 0xFF):
        yield f"one byte {byte:02x}", bytes((byte,))
    for name, data in sound().items():
        for length in (2, 4, 12, 16):
            yield f"{name}, {length} bytes", data[:length]


def foreign() -> Named:
    """Files for loaders of libvips that are not safe for untrusted input, and other formats."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(9))
    yield "svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"/>'
    yield "svg of entities", f"<!DOCTYPE svg [{laughs}]><svg><text>&l8;</text></svg>".encode()
    yield "svg that reads a file", b'<svg><image href="file:///etc/passwd"/></svg>'
    yield "pdf", b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript>>>>endobj\n"
    yield "postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n{1 pop} loop\n"
    yield "mvg", b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/x'\npop\n"
    yield "msl", b'<?xml version="1.0"?><image><read filename="/etc/passwd"/></image>'
    yield "magick", b"id=ImageMagick  version=1.0\nclass=DirectClass\nColumns=9 Rows=9\n:\x1a"
    yield "fits", b"SIMPLE  =                    T".ljust(2880)
    yield "matlab", b"MATLAB 5.0 MAT-file, Platform: x".ljust(124) + b"\x00\x01IM" + bytes(200)
    yield "csv", b"1,2,3\n" * 1000
    yield "matrix", b"3 3\n1 2 3\n4 5 6\n7 8 9\n"
    yield "ppm", b"P6 30000 30000 255\n"
    yield "radiance", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 30000 +X 30000\n"
    yield "openexr", b"\x76\x2f\x31\x01\x02\0\0\0channels\0chlist\0"
    yield "vips", b"\x08\xf2\xa6\xb6" + struct.pack(">3I", 30000, 30000, 3) + bytes(60)
    yield "nifti", struct.pack("<i", 348) + bytes(340) + b"n+1\0"
    yield "bmp", b"BM" + bytes(8) + struct.pack("<IIiiHH", 54, 40, 30000, 30000, 1, 24) + bytes(24)
    yield "ico", b"\0\0\x01\0\x01\0" + bytes(16)
    yield "jpeg xl", b"\xff\x0a" + bytes(40)
    yield "jpeg 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40)
    yield "photoshop", b"8BPS\0\x01" + bytes(40)
    yield "film", b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(40)


def giants() -> Named:
    """Headers that claim other sizes than the image has, or impossible ones."""
    for side in (7072, 30000, 65535, 99_999_999, 2**31 - 1, 2**32 - 1):
        yield f"png of {side}", png_header(side, side)
        for fmt in ("png", "jpeg", "gif", "avif"):
            yield f"{fmt} claiming {side}", bombs.claiming(fmt, side, side)
        yield f"tiff of one tile of {side}", bombs.tiff_of(16, 16, side & ~15)
        yield f"tiff of {side}", bombs.tiff_of(side, side, 16)
    for fmt in ("png", "jpeg", "gif", "avif"):
        yield f"{fmt} claiming nothing", bombs.claiming(fmt, 0, 0)
        yield f"{fmt} claiming less", bombs.claiming(fmt, 3, 3)
    yield "webp of the largest canvas", bombs.webp_frames(1, side=16384)
    yield "webp film of a large canvas", bombs.webp_frames(1000, side=1000)
    yield "gif film of a large screen", bombs.gif_frames(1000, side=1000)


def unfolding() -> Named:
    """Small files that decompress to large data or cost much work."""
    yield "png of too much", bombs.png(pixels=bombs.zeros(64))
    yield "png of a text", bombs.png(bombs.text(64))
    yield "png of texts", bombs.png(bombs.text(1) * 90)
    international = b"XML:com.adobe.xmp\0\x01\0\0\0" + bombs.zeros(64)
    yield "png of an international text", bombs.png(bombs.chunk(b"iTXt", international))
    yield "png of a profile", bombs.png(bombs.chunk(b"iCCP", b"x\0\0" + bombs.zeros(64)))
    yield "png of exif", bombs.png(bombs.chunk(b"eXIf", b"MM\0*" + b"\xff" * 60_000))
    profile = b"\0\1\0\0" + bytes(124) + struct.pack(">I", 2**32 - 1)
    yield "profile of endless tags", with_profile(image_of(np.zeros((8, 8, 3), np.uint8)), profile)
    yield "png of small texts", bombs.png(bombs.text(1) * 15)
    yield "png of too many chunks", bombs.png(bombs.chunk(b"gAMA", b"abcd") * 20_000)
    yield "tiff of tags", bombs.tiff_tags(256, 200)
    yield "tiff of too many tags", bombs.tiff_tags(4000, 10)
    yield "tiff of a shared value", bombs.tiff_tags(12, 2000, bytes(2**20))
    yield "jpeg of scans", bombs.jpeg_scans(2048, 100)
    yield "jpeg of too many scans", bombs.jpeg_scans(1024, 2000)
    yield "jpeg of scans behind markers", bombs.jpeg_scans(1024, 2000, b"\xff\x01", runs=True)
    yield "tiff of pages", bombs.tiff_pages(2000)
    yield "tiff of too many pages", bombs.tiff_pages(100_000)
    yield "tiff of a ring", bombs.tiff_pages(1, ring=True)
    yield "tiff of bands", bombs.tiff_bands(200, 1000)
    yield "tiff of too many bands", bombs.tiff_bands(3000, 500)
    yield "gif of frames", bombs.gif_frames(2000)
    yield "gif of too many frames", bombs.gif_frames(100_000)
    yield "webp of frames", bombs.webp_frames(2000)
    yield "webp of too many frames", bombs.webp_frames(100_000)
    yield "avif of hidden tiles", grid(8, 8, (16384, 16384), (16, 16), tile_side=2048)
    yield "avif of one large tile", grid(1, 1, (64, 64), (64, 64), tile_side=1024)
    yield "avif over a canvas", overlay((16384, 16384), (16, 16))


def polyglots() -> Named:
    """Images that are also files of another kind, which must not matter."""
    files = sound()
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("x.html", "<script>alert(1)</script>")
    for name in ("jpeg", "png", "gif", "webp", "avif", "tiff"):
        yield f"{name} and zip", files[name] + archive.getvalue()
        yield f"{name} and script", files[name] + b"<script>alert(1)</script><?php phpinfo();"
        yield f"pdf around {name}", b"%PDF-1.7\n" + files[name]
        yield f"{name} twice", files[name] * 2
    yield "gif that is a script", b"GIF89a/*" + files["gif"][8:] + b"*/=1;alert(1)"
    yield "jpeg in the clothes of png", b"\x89PNG\r\n\x1a\n" + files["jpeg"]
    yield "avif in the clothes of heif", files["avif"].replace(b"ftypavif", b"ftypheic")


def cut() -> Named:
    """Valid files, truncated at several places."""
    for name, data in sound().items():
        for part in range(1, CUTS):
            yield f"{name}, {part}/{CUTS}", data[: len(data) * part // CUTS]
        yield f"{name} but for a byte", data[:-1]


def flipped() -> Named:
    """Valid files with some bits flipped, mostly in the headers."""
    chance = random.Random(11)
    for name, data in sound().items():
        for number in range(FLIPS):
            damaged = bytearray(data)
            for _ in range(chance.choice((1, 2, 6))):
                at = chance.randrange(min(len(data), 400 if number % 3 else len(data)))
                damaged[at] ^= 1 << chance.randrange(8)
            yield f"{name}, flips {number}", bytes(damaged)
