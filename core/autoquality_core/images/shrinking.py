"""Reducing the sides of an image, by Lanczos filtering of linear light."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import numpy as np

from autoquality_core.images.colour.cicp import srgb_light, srgb_samples
from autoquality_core.images.libvips import allocation_failures
from autoquality_core.images.pixels import Pixels
from autoquality_core.images.source import Stoppable
from autoquality_core.runtime.arrays import Bytes
from autoquality_core.runtime.codecs import pyvips

_TOP = 65535


@allocation_failures()
def shrunk(pixels: Pixels, width: int, height: int, stoppable: Stoppable) -> Pixels:
    """The image with smaller sides, in pixels, and all its frames.

    Colours are weighted by alpha. Samples with an ICC profile count as having the curve of sRGB,
    which the curves of displays resemble. `stoppable` is that of `Source.decode`; pyvips.Error
    escapes if it stops libvips.
    """
    frames = [_frame(one, width, height, stoppable) for one in pixels.samples]
    return replace(pixels, samples=np.stack(frames))


def _frame(samples: Bytes, width: int, height: int, stoppable: Stoppable) -> Bytes:
    """One frame (height, width, bands)."""
    before, across, bands = samples.shape
    image = pyvips.Image.new_from_memory(samples.data, across, before, bands, "uchar")
    colours = bands - (bands in (2, 4))
    to_light, to_samples = _tables()
    light = image.extract_band(0, n=colours).maplut(to_light)
    scale = {"vscale": height / before}
    if colours == bands:
        small = light.resize(width / across, **scale)
        result = small.rint().cast("ushort").maplut(to_samples)
    else:
        alpha = (image.extract_band(colours) * (_TOP // 255)).cast("ushort")
        weighted = light.bandjoin(alpha).premultiply(max_alpha=_TOP)
        small = weighted.resize(width / across, **scale).unpremultiply(max_alpha=_TOP)
        small = small.rint().cast("ushort")
        alpha = (small.extract_band(colours) * (255 / _TOP)).rint().cast("uchar")
        result = small.extract_band(0, n=colours).maplut(to_samples).bandjoin(alpha)
    result.set_progress(True)  # otherwise libvips does not check whether it was stopped
    with stoppable(partial(result.set_kill, True)):
        small_samples: Bytes = result.numpy()
    return small_samples.reshape(height, width, bands)


@cache
def _tables() -> tuple[pyvips.Image, pyvips.Image]:
    """From 8-bit samples to light in 16 bits, and back."""
    light = np.rint(srgb_light(np.linspace(0, 1, 256)) * _TOP).astype(np.uint16)
    samples = np.rint(srgb_samples(np.linspace(0, 1, _TOP + 1)) * 255).astype(np.uint8)
    first, second = (pyvips.Image.new_from_array(one.reshape(1, -1)) for one in (light, samples))
    return first, second
