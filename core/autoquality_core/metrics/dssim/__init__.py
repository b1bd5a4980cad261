"""DSSIM = (1 - SSIM) / 2 on 8-bit luma: 0 for identical images, at most 1.

SSIM after Wang et al. 2004, "Image quality assessment: from error visibility
to structural similarity": 11x11 Gaussian window with sigma 1.5, K1 = 0.01,
K2 = 0.03, L = 255, windows wholly inside the image, mean over windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from autoquality_core.images import Pixels, luma, luma_planes
from autoquality_core.images.pixels import Decoded
from autoquality_core.images.timing import frames_together
from autoquality_core.metrics.dssim import reference
from autoquality_core.metrics.dssim.reference import Reference
from autoquality_core.runtime.allocator import trim_heap
from autoquality_core.runtime.arrays import Doubles

_FLOOR = 1e-7
"""Stands for 0 where a logarithm is taken."""


KEPT_PIXELS = 4_000_000
"""The largest image whose luma and moments are kept between measurements. They take 3 bytes a
pixel, while an encoder needs many more. Computing them takes 2 ms a megapixel, encoding and
decoding 25 or more."""


@dataclass(frozen=True, slots=True)
class _ImageReference:
    """See `metrics.base.Reference`. `kept` is None for a large image."""

    pixels: Pixels
    kept: Reference | None

    def score(self, decoded: Decoded) -> float:
        planes = luma_planes(decoded.samples, over_backgrounds=self.pixels.has_alpha)
        planes = planes if decoded.shown is None else planes[:, decoded.shown]
        if self.kept is not None:
            return self.kept.dssim(planes)
        trim_heap()  # of the encoder: 2 bytes a pixel
        return Reference(luma(self.pixels)).dssim(planes)


@dataclass(frozen=True)
class Dssim:
    """See `metrics.base.Metric`. An image with alpha is measured over black and over white."""

    name = "dssim"
    noun = "DSSIM"
    low = 0.0
    high = 1.0
    lower_is_better = True
    default_target = 0.02
    default_allowed_error = 0.001
    default_range = None
    sees_color = False
    usual_curve = (2.5, 7.0)
    border_effect = 0.0
    noise = 0.005
    allowance = 0.05
    seconds_per_pixel = 2e-9

    def reference(self, pixels: Pixels) -> _ImageReference:
        area = pixels.frames * pixels.height * pixels.width
        kept = Reference(luma(pixels)) if area <= KEPT_PIXELS else None
        return _ImageReference(pixels, kept)

    def compare(self, first: Pixels, second: Pixels) -> float:
        one, other = luma(first), luma(second)
        # Without alpha, an image looks the same over any background.
        surfaces = max(one.shape[0], other.shape[0])
        if first.frames > 1 or second.frames > 1:
            pairs = frames_together(first.delays, second.delays)
            one, other = one[:, pairs[0]], other[:, pairs[1]]
        shape = (surfaces, *one.shape[1:])
        return reference.compare(np.broadcast_to(one, shape), np.broadcast_to(other, shape))

    def value(self, score: float) -> float:
        return -math.log(max(score, _FLOOR))

    def score(self, value: Doubles) -> Doubles:
        return np.asarray(np.exp(-value))


DSSIM = Dssim()
