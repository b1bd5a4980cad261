"""A synthetic image: its size and its scores as functions of the quality."""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection
from dataclasses import dataclass

from autoquality.v1 import encoding_pb2 as pb

# For a "file" of each format: its first bytes (default: none), and its size relative to JPEG
# (default: the same).
_MAGIC = {
    pb.FORMAT_JPEG: b"\xff\xd8\xff\xe0\x00\x10JFIF\x00",
    pb.FORMAT_WEBP: b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    pb.FORMAT_AVIF: b"\x00\x00\x00\x1cftypavif",
    pb.FORMAT_PNG: b"\x89PNG\r\n\x1a\n",
    pb.FORMAT_JXL: b"\xff\x0a",
}
_RELATIVE_SIZE = {
    pb.FORMAT_JPEG: 1.0,
    pb.FORMAT_WEBP: 0.75,
    pb.FORMAT_AVIF: 0.6,
    pb.FORMAT_PNG: 4.0,
    pb.FORMAT_JXL: 0.6,
}
_FILE_PIXELS = (640, 480)


@dataclass(frozen=True, slots=True)
class Curve:
    """Size and scores over quality. They are monotone and depend on the source's bytes."""

    width: int
    height: int
    format: pb.Format.ValueType
    detail: float
    """0 (flat) to 1 (busy)."""
    lossless: bool = False
    """Whether there is no quality to choose, and no loss."""

    @classmethod
    def of(cls, request: pb.EncodeRequest) -> Curve:
        """Return the curve of a request's source. A file counts as 640 x 480 pixels."""
        source = request.raw.pixels if request.HasField("raw") else request.image
        width, height = _FILE_PIXELS
        if request.HasField("raw"):
            width, height = request.raw.width, request.raw.height
        format = request.format or format_of(request.image)
        return cls(
            width=width,
            height=height,
            format=format,
            detail=zlib.crc32(source) / 2**32,
            lossless=format == pb.FORMAT_PNG or (format == pb.FORMAT_JXL and request.jxl.lossless),
        )

    @property
    def source_quality(self) -> int:
        """Return the quality of a source that is a JPEG, 50 to 95."""
        return 50 + int(46 * self.detail)

    def size_bytes(self, quality: int) -> int:
        """Return the size of the file at `quality`, at least that of its first bytes."""
        bytes_per_pixel = 0.15 * (0.5 + self.detail) * _RELATIVE_SIZE.get(self.format, 1.0)
        size = self.width * self.height * bytes_per_pixel * math.exp(0.035 * (quality - 80))
        return max(len(_MAGIC.get(self.format, b"")), round(size))

    def dssim(self, quality: int) -> float:
        """Return the DSSIM at `quality`. It is 0 for lossless files."""
        if self.lossless:
            return 0.0
        return min(0.5, 0.012 * (0.5 + self.detail) * math.exp(-0.05 * (quality - 80)))

    def ssimulacra2(self, quality: int) -> float:
        """Return the SSIMULACRA2 at `quality`. It is 100 for lossless files."""
        return ssimulacra2_of(self.dssim(quality))

    def scores(self, quality: int, metrics: Collection[int]) -> dict[str, float]:
        """Return the scores by `metrics` at `quality`, by the name of their field."""
        scores: dict[str, float] = {}
        if pb.METRIC_DSSIM in metrics:
            scores["dssim"] = self.dssim(quality)
        if pb.METRIC_SSIMULACRA2 in metrics:
            scores["ssimulacra2"] = self.ssimulacra2(quality)
        return scores

    def file(self, quality: int) -> bytes:
        """Return a file of this size, with the format's first bytes."""
        return _MAGIC.get(self.format, b"").ljust(self.size_bytes(quality), b"\0")


def ssimulacra2_of(dssim: float) -> float:
    """Return the SSIMULACRA2 of a synthetic image with this DSSIM: 100 for 0, 70 for 0.02."""
    return 100 - 30 * math.sqrt(dssim / 0.02)


def format_of(file: bytes) -> pb.Format.ValueType:
    """Return the format of the first bytes. The default is JPEG."""
    if file.startswith(b"\x89PNG"):
        return pb.FORMAT_PNG
    if file[:4] == b"RIFF" and file[8:12] == b"WEBP":
        return pb.FORMAT_WEBP
    if file.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return pb.FORMAT_JXL
    return pb.FORMAT_AVIF if file[4:12] == b"ftypavif" else pb.FORMAT_JPEG
