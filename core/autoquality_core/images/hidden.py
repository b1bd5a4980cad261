"""Colours of wholly transparent pixels: nobody sees them, and encoders pay for them.

Editors leave anything there: a photograph, noise, white. A lossy encoder also
lets it bleed into visible edges.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from autoquality_core.images import push_pull
from autoquality_core.images.pixels import Pixels

Samples = npt.NDArray[np.uint8]

_ROUNDS = 1


def warm_up() -> None:
    """Compile the loops, or load them from numba's cache, before they are needed."""
    pixels = Pixels.from_samples(np.zeros((1, 4, 4, 4), np.uint8))
    with_continued_colours(pixels)
    with_black(pixels)


class _Fill(Protocol):
    def __call__(self, frame: Samples) -> None: ...


def with_continued_colours(pixels: Pixels) -> Pixels:
    """Replace hidden colours by a smooth continuation of what is visible around them.

    For lossy formats, which it costs next to nothing. The levels of a pyramid are
    averages of the visible pixels. Each is completed by the coarser one, and
    smoothed where nothing is visible (push-pull interpolation).
    """
    return _replaced(pixels, _continue)


def with_black(pixels: Pixels) -> Pixels:
    """Replace hidden colours by black, which lossless formats compress best."""
    return _replaced(pixels, push_pull.blacken)


def _replaced(pixels: Pixels, fill: _Fill) -> Pixels:
    if not pixels.has_alpha or not any(push_pull.hidden_pixels(each) for each in pixels.samples):
        return pixels
    samples = pixels.samples.copy()
    for frame in samples:
        fill(frame)
    replaced = Pixels.from_samples(
        samples,
        pixels.delays,
        origin=pixels.image,
        profile=pixels.profile,
    )
    return replace(replaced, tone_mapped=pixels.tone_mapped, clipped=pixels.clipped)


def _continue(frame: Samples) -> None:
    levels = [_level(frame.shape[0], frame.shape[1], frame.shape[2] - 1)]
    push_pull.halve_frame(frame, *levels[0])
    while levels[-1][1].size > 1:
        below = levels[-1]
        levels.append(_level(*below[0].shape))
        push_pull.halve(*below, *levels[-1])
    for (colours, weights), (coarse, _) in zip(levels[-2::-1], levels[:0:-1], strict=True):
        push_pull.spread(coarse, colours, weights)
        push_pull.relax(colours, weights, _ROUNDS)
    push_pull.fill_frame(levels[0][0], frame)


def _level(
    height: int, width: int, colours: int
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Room for a level above one of this size."""
    shape = (-(-height // 2), -(-width // 2))
    return np.empty((*shape, colours), np.uint16), np.empty(shape, np.uint8)
