"""JPEG, by mozjpeg; where none of what it adds is asked for, by libjpeg-turbo: the same files."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.formats import opencv
from autoquality_core.formats.base import kept, still_luma
from autoquality_core.images import Pixels, luma_planes
from autoquality_core.types import EncoderOptions, Format, JpegOptions

BEST_MOZJPEG = JpegOptions(
    progressive=True,
    trellis_quant=True,
    overshoot_deringing=True,
    optimize_scans=True,
    quant_table=3,
)
"""The smallest files that mozjpeg makes, whatever time it takes."""


_PLAIN = JpegOptions()


class JpegCodec:
    """JPEG: no alpha, one frame; grey is written with one component."""

    format = Format.JPEG
    has_quality = True
    keeps_alpha = False
    keeps_animation = False
    min_side = 1
    max_side = 65500  # libjpeg's JPEG_MAX_DIMENSION; the format itself ends at 65535

    def encode(self, pixels: Pixels, quality: int, options: EncoderOptions) -> bytes:
        keep = kept(pixels)
        jpeg = options.jpeg
        if not keep and replace(jpeg, no_subsample=False) == _PLAIN and _opencv_agrees():
            data = opencv.jpeg(pixels, quality, no_subsample=jpeg.no_subsample)
            if data is not None:
                return data
        return self.by_libvips(pixels, quality, jpeg, keep)

    @staticmethod
    def by_libvips(pixels: Pixels, quality: int, jpeg: JpegOptions, keep: int = 0) -> bytes:
        """The file as libvips and mozjpeg write it, whatever the options."""
        data: bytes = pixels.image.jpegsave_buffer(
            Q=quality,
            # Huffman tables made for the image: some 3 % smaller for some 3 ms
            # a megapixel, and not a pixel differs.
            optimize_coding=True,
            interlace=jpeg.progressive,
            subsample_mode="off" if jpeg.no_subsample else "auto",
            trellis_quant=jpeg.trellis_quant,
            overshoot_deringing=jpeg.overshoot_deringing,
            optimize_scans=jpeg.optimize_scans and jpeg.progressive,
            quant_table=jpeg.quant_table,
            keep=keep,
        )
        return data

    def decode_luma(self, data: bytes, pixels: Pixels) -> npt.NDArray[np.uint8]:
        # Not simply the Y that the file holds, though that would take half the
        # time: a viewer sees R, G and B, and where those are clipped their
        # luma is another. The DSSIM would differ by up to 0.01.
        samples = opencv.decoded(data, pixels, pixels.bands)
        if samples is not None:
            return luma_planes(samples, over_backgrounds=False)
        image = pyvips.Image.jpegload_buffer(data, access="sequential")
        return still_luma(image, pixels)

    def frames(self, data: bytes, pixels: Pixels) -> int:
        return 1


@cache
def _opencv_agrees() -> bool:
    """Whether OpenCV's files are libvips' here."""
    return opencv.agrees(
        lambda pixels, quality: opencv.jpeg(pixels, quality, no_subsample=False),
        lambda pixels, quality: JpegCodec.by_libvips(pixels, quality, _PLAIN),
    )
