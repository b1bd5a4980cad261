"""Small source images of every kind: formats, bands, depths, colours, animations, invalid files."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyvips
import skimage.data
from PIL import Image, ImageDraw

FOLDER = Path(skimage.data.__file__).parent
GAIN_MAP = b'<x xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" h:Version="1.0"/>'
HDR = {"pq": (9, 16), "hlg": (9, 18), "p3": (12, 13)}
"""Colour primaries and transfer functions, by the code points of ITU-T H.273."""


def pictures() -> dict[str, bytes]:
    """Every image by name, with the same bytes on each run."""
    return {**_stills(), **_deep(), **_films(), **_with_metadata(), **_tiny(), **_broken()}


def photo(name: str, width: int, height: int) -> Image.Image:
    """The middle of a photograph from scikit-image."""
    image = Image.open(FOLDER / name)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def saved(image: Image.Image, fmt: str, **options: Any) -> bytes:
    """A file that Pillow writes."""
    file = io.BytesIO()
    image.save(file, fmt, **options)
    return file.getvalue()


def _stills() -> dict[str, bytes]:
    coffee = photo("coffee.png", 240, 160)
    small = photo("astronaut.png", 96, 64)
    grey = photo("camera.png", 120, 80)
    lab = pyvips.Image.new_from_array(np.asarray(small)).copy(interpretation="srgb")
    ramp = Image.linear_gradient("L").resize(small.size)
    alpha, hidden = small.copy(), _noise(64, 96, 3)
    alpha.putalpha(ramp)
    hidden.putalpha(ramp.point(lambda value: 255 if value > 127 else 0))
    opaque = small.convert("RGBA")
    drawing = Image.new("RGB", (160, 60), "white")
    ImageDraw.Draw(drawing).text((5, 5), "How hard may\nthis be compressed?", fill="navy")
    ImageDraw.Draw(drawing).ellipse((110, 10, 150, 50), outline="red", width=3)
    board = Image.fromarray(np.kron(np.indices((12, 16)).sum(0) % 2, np.ones((8, 8))) > 0)
    return {
        "coffee.png": saved(coffee, "PNG"),
        "coffee.jpg": saved(coffee, "JPEG", quality=85, progressive=True),
        "small.webp": saved(small, "WEBP", quality=90),
        "small.avif": saved(small, "AVIF", quality=90),
        "small.tif": saved(small, "TIFF"),
        "chelsea.png": saved(photo("chelsea.png", 96, 64), "PNG"),
        "page.png": saved(photo("page.png", 160, 80), "PNG"),
        "grey.png": saved(grey, "PNG"),
        "grey.jpg": saved(grey, "JPEG", quality=90),
        "grey-alpha.png": saved(alpha.convert("LA"), "PNG"),
        "cmyk.jpg": saved(small.convert("CMYK"), "JPEG", quality=95),
        "lab.tif": bytes(lab.colourspace("lab").tiffsave_buffer()),
        "palette.png": saved(small.quantize(16), "PNG", transparency=3),
        "alpha.png": saved(alpha, "PNG"),
        "alpha.webp": saved(alpha, "WEBP", lossless=True),
        "alpha.avif": saved(alpha, "AVIF"),
        "opaque-alpha.png": saved(opaque, "PNG"),
        "hidden.png": saved(hidden, "PNG"),
        "drawing.png": saved(drawing, "PNG"),
        "two-colours.png": saved(board, "PNG"),
        "flat.png": saved(Image.new("RGB", (64, 48), (90, 140, 30)), "PNG"),
        "noise.png": saved(_noise(48, 64, 3), "PNG"),
        "pages.tif": saved(small, "TIFF", save_all=True, append_images=[opaque.convert("RGB")]),
    }


def _deep() -> dict[str, bytes]:
    """16 bits a sample, HDR and wide gamuts: PNG with cICP, AVIF with nclx."""
    small = np.asarray(photo("astronaut.png", 96, 64)).astype(np.uint16)
    deep = _encoded(".png", small * 257)
    avif = bytearray(_encoded(".avif", small * 4, cv2.IMWRITE_AVIF_DEPTH, 10))
    struct.pack_into(">HH", avif, avif.index(b"nclx") + 4, *HDR["pq"])
    made = {"deep.png": deep, "deep-grey.png": _encoded(".png", small[..., 0] * 257)}
    for name, codes in HDR.items():
        made[f"{name}.png"] = deep[:33] + _chunk(b"cICP", bytes((*codes, 0, 1))) + deep[33:]
    return {**made, "pq.avif": bytes(avif)}


def _films() -> dict[str, bytes]:
    frames = [Image.new("RGB", (48, 40), (200, 200, 200)) for _ in range(4)]
    for at, frame in enumerate(frames):
        ImageDraw.Draw(frame).rectangle((4 + 6 * at, 8, 20 + 6 * at, 24), fill=(200, 30, 30))
    alpha = [frame.convert("RGBA") for frame in frames]
    for at, frame in enumerate(alpha):
        frame.putalpha(Image.new("L", frame.size, 255 - 40 * at))
    timed: dict[str, Any] = {"save_all": True, "duration": [100, 50, 200, 100]}
    rest, faded = frames[1:], alpha[1:]
    return {
        "film.gif": saved(frames[0], "GIF", append_images=rest, loop=3, **timed),
        "film.webp": saved(frames[0], "WEBP", append_images=rest, lossless=True, **timed),
        "film.png": saved(frames[0], "PNG", append_images=rest, loop=2, **timed),
        "film.avif": saved(frames[0], "AVIF", append_images=rest, **timed),
        "film-alpha.webp": saved(alpha[0], "WEBP", append_images=faded, lossless=True, **timed),
        "film-alpha.png": saved(alpha[0], "PNG", append_images=faded, **timed),
    }


def _with_metadata() -> dict[str, bytes]:
    small = photo("astronaut.png", 96, 64)
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010F: "A Camera", 0x013B: "Ada", 0x8298: "(c) Ada"})
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0)})
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!--' + b"a note " * 100 + b"--></x:xmpmeta>"
    profile = bytes(pyvips.Operation.call("profile_load", "p3"))
    caption = b"8BIM\x04\x04\0\0" + struct.pack(">I", 10) + b"\x1c\x02\x78\0\x05hello"
    iptc = b"Photoshop 3.0\0" + caption
    segment = b"\xff\xed" + struct.pack(">H", 2 + len(iptc)) + iptc
    kept: dict[str, Any] = {"exif": exif, "xmp": xmp, "icc_profile": profile}
    return {
        "camera.jpg": saved(small, "JPEG", quality=92, dpi=(300, 300), extra=segment, **kept),
        "camera.png": saved(small, "PNG", exif=exif, icc_profile=profile, dpi=(300, 300)),
        "camera.webp": saved(small, "WEBP", quality=95, **kept),
        "camera.avif": saved(small, "AVIF", quality=95, **kept),
        "gain-map.jpg": saved(
            small, "MPO", save_all=True, append_images=[small.convert("L")], xmp=GAIN_MAP
        ),
    }


def _tiny() -> dict[str, bytes]:
    sides = ((1, 1), (2, 3), (8, 8), (15, 40), (16, 16), (300, 2), (1, 200))
    return {
        f"{width}x{height}.png": saved(_noise(height, width, 3), "PNG") for width, height in sides
    }


def _broken() -> dict[str, bytes]:
    small = photo("astronaut.png", 96, 64)
    files = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "tif": "TIFF"}
    whole = {suffix: saved(small, fmt) for suffix, fmt in files.items()}
    damaged = bytearray(whole["png"])
    damaged[len(damaged) // 2] ^= 0xFF
    huge = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return {
        **{f"cut.{suffix}": data[: len(data) * 2 // 3] for suffix, data in whole.items()},
        "damaged.png": bytes(damaged),
        "huge.png": whole["png"][:8] + _chunk(b"IHDR", huge) + whole["png"][33:],
        "text.txt": b"this is not an image",
        "empty": b"",
    }


def _noise(height: int, width: int, bands: int) -> Image.Image:
    samples = np.random.default_rng(1).integers(0, 256, (height, width, bands), np.uint8)
    return Image.fromarray(samples)


def _encoded(suffix: str, samples: npt.NDArray[np.uint16], *settings: int) -> bytes:
    """A file that OpenCV writes from grey or RGB samples."""
    ordered = samples[..., ::-1] if samples.ndim == 3 else samples
    return cv2.imencode(suffix, np.ascontiguousarray(ordered), settings)[1].tobytes()


def _chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum
