"""A synthetic image: its size and its scores as functions of the quality."""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from autoquality.testing._image import Header, header_bytes, header_of
from autoquality.v1 import encoding_pb2 as pb

# Relative to JPEG.
_RELATIVE_SIZE = {
    pb.FORMAT_JPEG: 1.0,
    pb.FORMAT_WEBP: 0.75,
    pb.FORMAT_AVIF: 0.6,
    pb.FORMAT_PNG: 4.0,
    pb.FORMAT_JXL: 0.6,
}
_ANIMATED = (pb.FORMAT_WEBP, pb.FORMAT_JXL)
_AVIF_LEAST_SIDE = 16
"""A smaller image is written in another format, as by the real server."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Size and scores over quality. They are monotone and depend on the source's bytes."""

    source: Header
    width: int
    height: int
    format: pb.Format.ValueType
    detail: float
    """0 (flat) to 1 (busy)."""
    lossless: bool = False
    """Whether there is no quality to choose, and no loss."""
    chroma: pb.Chroma.ValueType = pb.CHROMA_UNSPECIFIED

    @classmethod
    def of(cls, request: pb.EncodeRequest) -> Curve:
        """Return the curve of a request's source. A file is as large as its header says."""
        data = request.raw.pixels if request.HasField("raw") else request.image
        header = header_of(request)
        format = request.format or header.own_format
        if format == pb.FORMAT_AVIF and min(header.width, header.height) < _AVIF_LEAST_SIDE:
            format = pb.FORMAT_PNG if header.has_alpha else pb.FORMAT_JPEG
        detail, lossless = zlib.crc32(data) / 2**32, is_lossless(request, format)
        chroma = chroma_of(request, format, lossless=lossless)
        return cls(header, header.width, header.height, format, detail, lossless, chroma)

    @property
    def frames(self) -> int:
        """Return the frames that the file keeps."""
        return self.source.frames if self.format in _ANIMATED else 1

    @property
    def source_quality(self) -> int:
        """Return the quality of a source that is a JPEG, 50 to 95."""
        return 50 + int(46 * self.detail)

    def size_bytes(self, quality: int) -> int:
        """Return the size of the file at `quality`, at least that of its header."""
        bytes_per_pixel = 0.15 * (0.5 + self.detail) * _RELATIVE_SIZE.get(self.format, 1.0)
        size = self.width * self.height * bytes_per_pixel * math.exp(0.035 * (quality - 80))
        return max(len(self._header), round(size))

    def dssim(self, quality: int) -> float:
        """Return the DSSIM at `quality`. It is 0 for lossless files."""
        if self.lossless:
            return 0.0
        return min(0.5, 0.012 * (0.5 + self.detail) * math.exp(-0.05 * (quality - 80)))

    def ssimulacra2(self, quality: int) -> float:
        """Return the SSIMULACRA2 at `quality`. It is 100 for lossless files."""
        return ssimulacra2_of(self.dssim(quality))

    def facts(self, quality: int, metrics: Collection[int]) -> Any:
        """Return the fields of a probe or an answer at `quality`, with the scores by `metrics`."""
        return {
            "format": self.format,
            "lossless": self.lossless,
            "quality": quality,
            "size_bytes": self.size_bytes(quality),
            "dssim": self.dssim(quality) if pb.METRIC_DSSIM in metrics else None,
            "ssimulacra2": self.ssimulacra2(quality) if pb.METRIC_SSIMULACRA2 in metrics else None,
        }

    def file(self, quality: int) -> bytes:
        """Return a file of this size, with a header."""
        return self._header.ljust(self.size_bytes(quality), b"\0")

    @property
    def _header(self) -> bytes:
        return header_bytes(self.format, self.width, self.height)


def is_lossless(request: pb.EncodeRequest, format: pb.Format.ValueType) -> bool:
    """Return whether there is no quality to choose for a format, and no loss."""
    return {
        pb.FORMAT_PNG: True,
        pb.FORMAT_JXL: request.jxl.lossless,
        pb.FORMAT_WEBP: request.webp.lossless == pb.LOSSLESS_ALWAYS,
    }.get(format, False)


def chroma_of(
    request: pb.EncodeRequest, format: pb.Format.ValueType, *, lossless: bool
) -> pb.Chroma.ValueType:
    """Return the chroma of a file, for CHROMA_AUTO the usual one of its two."""
    if format == pb.FORMAT_WEBP:
        asked = request.webp.chroma
        usual = pb.CHROMA_SHARP if request.webp.smart_subsample else pb.CHROMA_SUBSAMPLED
        asked = pb.CHROMA_SUBSAMPLED if lossless else asked
    elif format in (pb.FORMAT_JPEG, pb.FORMAT_AVIF):
        options = request.jpeg if format == pb.FORMAT_JPEG else request.avif
        asked = options.chroma
        usual = pb.CHROMA_FULL if options.no_subsample else pb.CHROMA_BY_QUALITY
    else:
        return pb.CHROMA_UNSPECIFIED
    return usual if asked in (pb.CHROMA_UNSPECIFIED, pb.CHROMA_AUTO) else asked


def ssimulacra2_of(dssim: float) -> float:
    """Return the SSIMULACRA2 of a synthetic image with this DSSIM: 100 for 0, 70 for 0.02."""
    return 100 - 30 * math.sqrt(dssim / 0.02)
