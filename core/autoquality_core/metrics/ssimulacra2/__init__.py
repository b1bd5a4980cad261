"""SSIMULACRA2, version 2.1: 100 for the same image; 90 visually lossless, 70 high, 30 low quality.

After cloudinary/ssimulacra2: linear light in the colour space XYB, at six scales; per plane three
maps of errors (SSIM, edges that were not there, edges that are gone), of each the mean and the
4-norm; their weighted sum, through a polynomial.

This implementation also defines what the original refuses or leaves open:

- An image of fewer than 8 pixels a side is extended to 8 by reflection.
- Alpha is blended in 8 bits, and the worse of the scores over black and over white counts. (The
  original blends with a dark and a bright grey.)
- The score of an animation is the mean over its frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autoquality_core.images import Pixels
from autoquality_core.images.luma import over_black
from autoquality_core.images.pixels import Decoded
from autoquality_core.images.timing import frames_together
from autoquality_core.metrics.ssimulacra2.reference import FrameReference
from autoquality_core.runtime.arrays import Bytes, Doubles
from autoquality_core.types import WORDS

KEPT_PIXELS = 2_000_000
"""The largest image, surfaces and frames counted, whose planes are kept between measurements."""

_FLOOR = 0.01
"""Stands for a distance of 0 from 100 where a logarithm is taken."""


@dataclass(frozen=True, slots=True)
class _ImageReference:
    """See `metrics.base.Reference`. `kept` are (surfaces, frames), None for a large image."""

    samples: Bytes
    over_backgrounds: bool
    kept: list[list[FrameReference]] | None = None
    every_plane: bool = False

    def score(self, decoded: Decoded) -> float:
        samples = decoded.samples
        if decoded.shown is not None:
            samples = samples[decoded.shown]
        surfaces = _surfaces(samples, over_backgrounds=self.over_backgrounds)
        mine = self._fresh() if self.kept is None else self.kept
        return min(
            float(np.mean([one.score(frame) for one, frame in zip(frames, other, strict=True)]))
            for frames, other in zip(mine, surfaces, strict=True)
        )

    def _fresh(self) -> Iterator[list[FrameReference]]:
        """The frames of one surface after another, so that only one is in memory."""
        for surface in _surfaces(self.samples, over_backgrounds=self.over_backgrounds):
            yield [
                FrameReference(frame, kept=False, every_plane=self.every_plane) for frame in surface
            ]


@dataclass(frozen=True)
class Ssimulacra2:
    """See `metrics.base.Metric`. Scores below 0, of ruined images, are possible."""

    name = "ssimulacra2"
    noun = "score"
    low = 0.0
    high = 100.0
    lower_is_better = False
    default_target = WORDS["high"]
    default_allowed_error = 1.0
    default_range = (10, 95)
    sees_color = True
    usual_curve = (-4.8, -1.6)
    border_effect = 0.056
    noise = 0.005
    allowance = 0.05
    seconds_per_pixel = 1.4e-8

    def reference(self, pixels: Pixels) -> _ImageReference:
        samples, alpha = pixels.samples, pixels.has_alpha
        if (2 if alpha else 1) * samples[..., 0].size > KEPT_PIXELS:
            return _ImageReference(samples, alpha)
        surfaces = _surfaces(samples, over_backgrounds=alpha)
        kept = [[FrameReference(frame) for frame in surface] for surface in surfaces]
        return _ImageReference(samples, alpha, kept)

    def compare(self, first: Pixels, second: Pixels) -> float:
        one, other = first.samples, second.samples
        if first.frames > 1 or second.frames > 1:
            pairs = frames_together(first.delays, second.delays)
            one, other = one[pairs[0]], other[pairs[1]]
        # Without alpha, an image looks the same over any background.
        alpha = first.has_alpha or second.has_alpha
        return _ImageReference(one, alpha, every_plane=True).score(Decoded(other))

    def value(self, score: float) -> float:
        return -math.log(max(self.high - score, _FLOOR))

    def score(self, value: Doubles) -> Doubles:
        return np.asarray(self.high - np.exp(-value))


def _surfaces(samples: Bytes, *, over_backgrounds: bool) -> Iterator[Bytes]:
    """Opaque samples (frames, height, width, 1 or 3): one surface, or two for alpha.

    The two are over black and over white. R, G and B are blended with the background and rounded
    one by one, as viewers do. The second surface replaces the first one in memory.
    """
    bands = samples.shape[3]
    if bands in (1, 3) or not over_backgrounds:
        for _ in range(2 if over_backgrounds else 1):
            yield samples if bands in (1, 3) else samples[..., :-1]
        return
    surface = np.empty((*samples.shape[:3], bands - 1), np.uint8)
    for place, frame in zip(surface, samples, strict=True):
        alpha = np.ascontiguousarray(frame[..., -1])
        for band in range(bands - 1):
            colour = np.ascontiguousarray(frame[..., band])
            place[..., band] = over_black(colour, alpha)
    yield surface
    # White adds the same to all colours.
    for place, frame in zip(surface, samples, strict=True):
        np.add(place, 255 - frame[..., -1:], out=place)
    yield surface


SSIMULACRA2 = Ssimulacra2()
