"""OpenCV writes and reads plain JPEG and WebP faster than libvips, with identical results.

OpenCV brings libjpeg-turbo and libwebp, and hands them whole images. libvips hands over a few
rows at a time, from threads that it starts for each file. With plain options the files are the
same byte for byte, and the pixels the same sample for sample (tests/formats/test_opencv.py).
Only our own files are read here: OpenCV does not report that a file is damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from autoquality_core.images import Pixels
from autoquality_core.runtime.allocator import trim_heap
from autoquality_core.runtime.codecs import cv2
from autoquality_core.types import Chroma

Samples = npt.NDArray[np.uint8]

_JFIF = slice(2, 20)
"""OpenCV adds this segment, which says nothing that a decoder does not assume."""

_WHOLE_FROM = 90  # as libvips: full chroma from this quality on

JPEG_PIXELS = 4_000_000
WEBP_PIXELS = 1_000_000
"""The largest images that OpenCV writes: neither encoder can be stopped, and OpenCV needs a copy of
the pixels. Images of this size take some 30 and 100 ms."""


_TRIED = (20, 89, 90)
_SIDES = (21, 34)


def jpeg(pixels: Pixels, quality: int, chroma: Chroma) -> bytes | None:
    """A baseline JPEG with optimised Huffman tables; None if libvips has to write it."""
    if pixels.height * pixels.width > JPEG_PIXELS:
        return None
    whole = chroma is Chroma.FULL or (chroma is Chroma.BY_QUALITY and quality >= _WHOLE_FROM)
    factor = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if whole else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    settings = (
        *(cv2.IMWRITE_JPEG_QUALITY, quality),
        *(cv2.IMWRITE_JPEG_OPTIMIZE, 1),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factor),
    )
    data = _encoded(".jpg", pixels, settings)
    return None if data is None else data[: _JFIF.start] + data[_JFIF.stop :]


def webp(pixels: Pixels, quality: int) -> bytes | None:
    """A WebP of effort 4 and the default preset; None if libvips has to write it."""
    if pixels.height * pixels.width > WEBP_PIXELS or pixels.bands != 3 or pixels.frames > 1:
        return None
    return _encoded(".webp", pixels, (cv2.IMWRITE_WEBP_QUALITY, quality))


def decoded(data: bytes, pixels: Pixels, bands: int) -> Samples | None:
    """The samples (1, height, width, bands) of a still JPEG or WebP that was made of `pixels`.

    `bands` is 1 or 3. None if libvips has to read it.
    """
    if pixels.frames > 1 or pixels.has_alpha:
        return None
    if pixels.height * pixels.width > JPEG_PIXELS:
        trim_heap()  # freed by the encoder; OpenCV holds a large picture twice
    colours = cv2.IMREAD_COLOR_RGB if bands == 3 else cv2.IMREAD_GRAYSCALE
    try:
        found = cv2.imdecode(np.frombuffer(data, np.uint8), colours | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:  # more pixels than OpenCV takes, or than there is memory for
        return None
    if found is None or found.shape[:2] != (pixels.height, pixels.width):
        return None
    return np.asarray(found, np.uint8).reshape(1, pixels.height, pixels.width, bands)


def agrees(
    write: Callable[[Pixels, int], bytes | None], usual: Callable[[Pixels, int], bytes]
) -> bool:
    """Checks that `write` and `usual` give the same files here, for a few small pictures.

    Another build of either library may contain another encoder.
    """
    noise = np.random.default_rng(0).integers(0, 256, (1, *_SIDES, 3), np.uint8)
    smooth = np.add.outer(np.arange(_SIDES[0]), np.arange(3 * _SIDES[1])).astype(np.uint8)
    pictures = [Pixels.from_samples(one) for one in (noise, smooth.reshape(1, *_SIDES, 3))]
    return all(write(one, at) == usual(one, at) for one in pictures for at in _TRIED)


def _encoded(extension: str, pixels: Pixels, settings: Sequence[int]) -> bytes | None:
    samples = pixels.samples[0]
    try:
        if pixels.bands == 3:
            samples = np.asarray(cv2.cvtColor(samples, cv2.COLOR_RGB2BGR), np.uint8)
        done, data = cv2.imencode(extension, samples, settings)
    except cv2.error:  # built without this encoder, or no memory for it
        return None
    return data.tobytes() if done else None
