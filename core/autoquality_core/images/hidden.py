"""Replacing the colours of fully transparent pixels, which are invisible and cost bytes.

Editors leave any colours there: a photograph, noise, white. A lossy encoder also lets
them bleed into visible edges.
"""

from __future__ import annotations

from collections.abc import Callable

from autoquality_core.images import push_pull
from autoquality_core.images.pixels import Pixels
from autoquality_core.images.push_pull import Samples


def with_continued_colours(pixels: Pixels) -> Pixels:
    """Replace hidden colours by a smooth continuation of the visible colours around them.

    For lossy formats, which encode it in few bytes.
    """
    return _replaced(pixels, push_pull.fill)


def with_black(pixels: Pixels) -> Pixels:
    """Replace hidden colours by black, which lossless formats compress best."""
    return _replaced(pixels, _blacken)


def _replaced(pixels: Pixels, fill: Callable[[Samples], None]) -> Pixels:
    if not pixels.has_alpha or pixels.samples[..., -1].min() > 0:
        return pixels
    samples = pixels.samples.copy()
    for frame in samples:
        fill(frame)
    return pixels.with_samples(samples)


def _blacken(frame: Samples) -> None:
    whole_pixels = frame.view(f"u{frame.shape[-1]}")
    whole_pixels[frame[..., -1:] == 0] = 0
