"""WebP, by libwebp: lossy, stills and animations; plain stills are handed to it by OpenCV."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pyvips

from autoquality_core.formats import opencv
from autoquality_core.formats.base import decoded, in_colour, kept, still_luma
from autoquality_core.formats.vp8x import with_alpha_flag
from autoquality_core.images import Pixels, luma_planes
from autoquality_core.images.timing import frames_shown
from autoquality_core.types import EncoderOptions, Format, WebpOptions

_PLAIN = WebpOptions()


class WebpCodec:
    """WebP: alpha (without loss at alpha_quality 100), animation."""

    format = Format.WEBP
    has_quality = True
    keeps_alpha = True
    keeps_animation = True
    min_side = 1
    max_side = 16383

    def encode(self, pixels: Pixels, quality: int, options: EncoderOptions) -> bytes:
        keep = kept(pixels)
        plain = replace(options.webp, alpha_quality=_PLAIN.alpha_quality) == _PLAIN
        if not keep and plain and _opencv_agrees():
            data = opencv.webp(pixels, quality)
            if data is not None:
                return data
        data = self.by_libvips(pixels, quality, options.webp, keep)
        return with_alpha_flag(data) if pixels.has_alpha else data

    @staticmethod
    def by_libvips(pixels: Pixels, quality: int, webp: WebpOptions, keep: int = 0) -> bytes:
        """The file as libvips has it written, whatever the options."""
        data: bytes = in_colour(pixels).webpsave_buffer(
            Q=quality,
            alpha_q=webp.alpha_quality,
            effort=webp.effort,
            preset=webp.preset.value,
            smart_subsample=webp.smart_subsample,
            keep=keep,
        )
        return data

    def decode_luma(self, data: bytes, pixels: Pixels) -> npt.NDArray[np.uint8]:
        # What is written in colours is read in colours, grey too.
        samples = opencv.decoded(data, pixels, 3)
        if samples is not None:
            return luma_planes(samples, over_backgrounds=False)
        if pixels.frames == 1:
            return still_luma(pyvips.Image.webpload_buffer(data, access="sequential"), pixels)
        image = pyvips.Image.webpload_buffer(data, n=-1, access="sequential")
        samples = decoded(image, image.height // pixels.height)
        planes = luma_planes(samples, over_backgrounds=pixels.has_alpha)
        if planes.shape[1] == pixels.frames:
            return planes
        shown = image.get("delay") if image.get_typeof("delay") else [0]
        return planes[:, frames_shown(pixels.delays, shown)]

    def frames(self, data: bytes, pixels: Pixels) -> int:
        if pixels.frames == 1:
            return 1
        image = pyvips.Image.webpload_buffer(data, access="sequential")
        return int(image.get("n-pages")) if image.get_typeof("n-pages") else 1


def alpha_bytes(data: bytes) -> int:
    """Bytes before the colours of a still, which no quality changes: header, profile and alpha.

    libwebp codes the alpha apart from the colours. 0 for an animation.
    """
    at = 12
    while data[at : at + 4] in (b"VP8X", b"ICCP", b"ALPH"):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return at - 12 if data[at : at + 4] == b"VP8 " else 0


@cache
def _opencv_agrees() -> bool:
    """Whether OpenCV's files are libvips' here."""
    return opencv.agrees(
        opencv.webp, lambda pixels, quality: WebpCodec.by_libvips(pixels, quality, _PLAIN)
    )
