"""Writes the seeds that fuzzing starts from: `python -m fuzz.make_seeds`. Keeps the crashes.

The seeds are committed, because other versions of the encoders produce other bytes.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyvips
from imagecodecs._jpegxl import jpegxl_encode, jpegxl_encode_jpeg

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.formats import with_metadata
from autoquality_core.images import Metadata
from autoquality_core.images.jxl.rewriting import retimed
from autoquality_core.networks.bundled import BUNDLED
from autoquality_core.types import Format
from fuzz.targets import SEEDS
from fuzz.targets.avif import SIDES

SAVERS: dict[str, Callable[[Any], Any]] = {
    "jpeg": lambda image: image.jpegsave_buffer(Q=50),
    "jpeg-progressive": lambda image: image.jpegsave_buffer(Q=50, interlace=True),
    "png": lambda image: image.pngsave_buffer(),
    "png-interlaced": lambda image: image.pngsave_buffer(interlace=True),
    "webp": lambda image: image.webpsave_buffer(lossless=True),
    "gif": lambda image: image.gifsave_buffer(),
    "tiff": lambda image: image.tiffsave_buffer(compression="deflate"),
    "avif": lambda image: image.heifsave_buffer(compression="av1"),
}
NOTATIONS = (
    *("dssim:0.02:70:80:0.001", "size:10240", "ml::60", "autoquality:none", "aq::::", "AQ:"),
    *("ssimulacra2:very-high", "ml:70:10:95:1:ssimulacra2"),
)
TOKENS = ("# a comment\nana:a-made-up-token-1\n", "a-made-up-token-2==\nana: a-made-up-token-3")
SETTINGS = (
    "AUTOQUALITY_WORKERS=2\nAUTOQUALITY_METHOD=dssim\nAUTOQUALITY_TARGET=0.01\n",
    "IMGPROXY_AUTOQUALITY_METHOD=size\n" + "IMGPROXY_AUTOQUALITY_TARGET=10240\n",
    "AUTOQUALITY_METHOD=" + "ssimulacra2\n" + "AUTOQUALITY_TARGET=very-high\n",
    "IMGPROXY_FORMAT_QUALITY='jpeg=80,webp=79,avif=63,jxl=77'\nAUTOQUALITY_MAX_IMAGE_BYTES=10MB",
)
XMP = (
    '<x xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" h:Version="1.0"><h:A/><y h:b="1"/></x>',
    '<x xmlns:C="http://ns.google.com/photos/1.0/container/"><C:D><z>1</z></C:D></x>',
)
TEXTS = {"notation": NOTATIONS, "tokens": TOKENS, "settings": SETTINGS, "contents": XMP}
REQUESTS = (
    pb.EncodeRequest(quality=40, format=pb.FORMAT_JPEG),
    pb.EncodeRequest(
        format=pb.FORMAT_WEBP,
        auto_quality=pb.AutoQuality(method=pb.METHOD_DSSIM, target=0.02, min_quality=10),
        measure_dssim=True,
    ),
    pb.EncodeRequest(
        format=pb.FORMAT_AVIF,
        auto_quality=pb.AutoQuality(method=pb.METHOD_SIZE, target=500, max_quality=90),
        background="#102030",
    ),
    pb.EncodeRequest(
        auto_quality=pb.AutoQuality(method=pb.METHOD_ML, allowed_error=1),
        png=pb.PngOptions(quantize=True, quantization_colors=16),
        keep_metadata=True,
    ),
    pb.EncodeRequest(
        format=pb.FORMAT_WEBP,
        auto_quality=pb.AutoQuality(method=pb.METHOD_SSIMULACRA2, target=70, allowed_error=2),
        measure=[pb.METRIC_DSSIM],
    ),
    pb.EncodeRequest(
        format=pb.FORMAT_JPEG,
        auto_quality=pb.AutoQuality(method=pb.METHOD_ML, metric=pb.METRIC_SSIMULACRA2),
    ),
    pb.EncodeRequest(
        format=pb.FORMAT_WEBP,
        auto_quality=pb.AutoQuality(
            method=pb.METHOD_SSIMULACRA2,
            target=70,
            max_bytes=400,
            max_dssim=0.1,
            min_ssimulacra2=50,
        ),
    ),
)
JXL = tuple(
    f"jxl-{kind}"
    for kind in ("1", "2", "3", "4", "lossy", "16", "float", "film", "boxes", "profile")
)
LOOKED_INTO = {
    "avif": ("avif", "contents"),
    "avif-alpha": ("avif",),
    **dict.fromkeys(("avif-film", "png-film", "jpeg-pair"), ("contents",)),
    **dict.fromkeys(JXL, ("jxl",)),
}


def pictures() -> Iterator[tuple[str, bytes]]:
    """One small file of every kind, with alpha and without, and an animation."""
    width, height = SIDES
    ramp = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8) * 8
    plain = pyvips.Image.new_from_array(np.dstack([ramp, ramp[::-1], 255 - ramp]))
    alpha = plain.bandjoin(pyvips.Image.new_from_array(ramp)).copy(interpretation="srgb")
    for name, save in SAVERS.items():
        yield name, bytes(save(plain.copy(interpretation="srgb")))
        if not name.startswith("jpeg"):
            yield f"{name}-alpha", bytes(save(alpha))
    film = plain.join(plain.invert(), "vertical").copy(interpretation="srgb")
    film.set_type(pyvips.GValue.gint_type, "page-height", height)
    yield "gif-film", bytes(film.gifsave_buffer())
    yield "webp-film", bytes(film.webpsave_buffer(lossless=True))
    animation = cv2.Animation()
    animation.frames = [
        np.dstack([ramp, ramp[::-1], 255 - ramp, one]) for one in (ramp, 255 - ramp)
    ]
    animation.durations = [100, 50]
    for fmt in ("png", "avif"):
        yield f"{fmt}-film", cv2.imencodeanimation(f".{fmt}", animation)[1].tobytes()
    still = bytes(plain.copy(interpretation="srgb").jpegsave_buffer(Q=50))
    yield "jpeg-pair", pair(still)
    yield from jxl_pictures(ramp, still)


def jxl_pictures(ramp: npt.NDArray[np.uint8], still: bytes) -> Iterator[tuple[str, bytes]]:
    """Codestreams with each kind of header, and containers with metadata and profiles."""
    picture = np.dstack([ramp, ramp[::-1], 255 - ramp, ramp])[np.newaxis]
    for bands in (1, 2, 3, 4):
        yield f"jxl-{bands}", jpegxl_encode(picture[..., :bands], lossless=True, numthreads=1)
    yield "jxl-lossy", jpegxl_encode(picture, distance=1, numthreads=1)
    yield "jxl-16", jpegxl_encode(picture.astype(np.uint16) * 257, distance=1, numthreads=1)
    yield "jxl-float", jpegxl_encode((picture / 255).astype(np.float32), numthreads=1)
    film = np.concatenate([picture, 255 - picture])
    timed = retimed(jpegxl_encode(film, distance=1, numthreads=1), (40, 70_000), 3)
    yield "jxl-film", timed
    exif, xmp = b"MM\0*\0\0\0\x08\0\0\0\0\0\0", b"<x:xmpmeta/>"
    boxed = with_metadata(Format.JXL, timed, Metadata(exif=exif, xmp=xmp))
    yield "jxl-boxes", boxed.replace(b"xml " + xmp, b"brob" + xmp)
    image = pyvips.Image.jpegload_buffer(still).copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", pyvips.Image.profile_load("p3"))
    profiled = image.jpegsave_buffer(keep=pyvips.ForeignKeep.ICC)
    yield "jxl-profile", jpegxl_encode_jpeg(profiled, usecontainer=True, numthreads=1)


def pair(still: bytes) -> bytes:
    """A JPEG with an index (MPF) of two images, the second a gain map by its segment."""
    gain_map = b"urn:iso:std:iso:ts:21496:-1\0"
    entries = struct.pack(">3I4x3I4x", 0x030000, 0, 0, 0, 0, 8 + 30 + 32 + len(still) - 2)
    index = struct.pack(">2sHIH", b"MM", 42, 8, 2) + struct.pack(">HHII", 0xB001, 4, 1, 2)
    index += struct.pack(">HHII", 0xB002, 7, len(entries), 8 + 30) + bytes(4) + entries
    first, second = (
        still[:2] + struct.pack(">HH", 0xFFE2, 2 + len(said)) + said + still[2:]
        for said in (b"MPF\0" + index, gain_map)
    )
    return first + second


def structured() -> Iterator[tuple[str, bytes]]:
    """Files whose structure is counted before they are decoded: scans, chunks, tags."""
    small = dict(pictures())
    jpeg, png = small["jpeg-progressive"], small["png"]
    lone = b"\xff\x01\xff\xd0\xff\xff"  # TEM, a restart and a fill byte: none has a length
    yield "jpeg-lone-markers", jpeg.replace(b"\xff\xda", lone + b"\xff\xda")
    yield "jpeg-twice", jpeg + jpeg
    packed = zlib.compress(b"a text " * 9)
    texts = _chunk(b"zTXt", b"Comment\0\0" + packed)
    texts += _chunk(b"iTXt", b"Comment\0\1\0en\0\0" + packed)
    yield "png-texts", png[:33] + texts + _chunk(b"gAMA", bytes(4)) * 3 + png[33:]
    picture = pyvips.Image.new_from_buffer(png, "")
    yield "tiff-big", bytes(picture.tiffsave_buffer(bigtiff=True))
    two = picture.join(picture, "vertical")
    yield "tiff-pages", bytes(two.tiffsave_buffer(page_height=picture.height))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Target, name and content of each."""
    yield from (("image", name, data) for name, data in structured())
    for name, data in pictures():
        yield "image", name, data
        for target in LOOKED_INTO.get(name, ()):
            yield target, name, data
    small = dict(pictures())
    for number, spec in enumerate(REQUESTS):
        for kind, data in (("png-alpha", small["png-alpha"]), ("gif-film", small["gif-film"])):
            request = pb.EncodeRequest(image=data)
            request.MergeFrom(spec)
            for target in ("request", "encode"):
                yield target, f"{number}-{kind}", request.SerializeToString(deterministic=True)
    raw = pb.EncodeRequest(raw=pb.RawImage(width=16, height=8, bands=2, pixels=bytes(range(256))))
    for target in ("request", "encode"):
        yield target, "raw", raw.SerializeToString(deterministic=True)
    for target, texts in TEXTS.items():
        for number, text in enumerate(texts):
            yield target, str(number), text.encode()
    for path in sorted(BUNDLED.glob("*.json")):
        side = json.loads(path.read_text(encoding="utf-8"))
        notes = ("encoder", "library_versions", "corpus", "training", "accuracy")
        short = {key: value for key, value in side.items() if key not in notes}
        yield "side_file", path.stem, json.dumps(short, indent=1).encode()


def main() -> None:
    for target, name, data in seeds():
        path = Path(SEEDS, target, f"seed-{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
