"""Composing the frames of an animation, of which each covers a rectangle of the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from autoquality_core.images.colour.linear_light import Samples

KEEP, CLEAR, RESTORE = 0, 1, 2

# Pixels that are blended at once, to limit the memory for intermediate results.
_AT_ONCE = 1 << 16


@dataclass(slots=True)
class Frame:
    """The rectangle of a frame, its duration in ms, and what happens to the rectangle after it.

    A frame is blended `over` what is there, or replaces it.
    """

    left: int
    top: int
    width: int
    height: int
    delay: int
    after: int
    over: bool

    @property
    def region(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


F = TypeVar("F", bound=Frame)


def composed(
    canvas: npt.NDArray[Any], frames: Sequence[F], decode: Callable[[F], Samples]
) -> tuple[Samples, tuple[int, ...]]:
    """The image after each frame, (frames, *canvas.shape), as browsers show it, and their delays.

    `canvas` is transparent, and is changed: (height, width, bands), alpha last. `decode` gives the
    samples of a frame, with or without alpha. None of them is premultiplied.
    """
    shown = np.empty((len(frames), *canvas.shape), canvas.dtype)
    for at, frame in enumerate(frames):
        part, under = decode(frame), canvas[frame.region]
        before = under.copy() if frame.after == RESTORE and at else None
        if frame.over:
            _lay_over(_with_alpha(part), under)
        else:
            under[:] = _with_alpha(part)
        shown[at] = canvas
        if before is not None:
            under[:] = before
        elif frame.after in (CLEAR, RESTORE):
            under[:] = 0
    return shown, tuple(frame.delay for frame in frames)


def _with_alpha(samples: Samples) -> npt.NDArray[Any]:
    """Grey or RGB samples (height, width, bands) with alpha, opaque if they had none."""
    if samples.shape[-1] in (2, 4):
        return samples
    opaque = np.full((*samples.shape[:2], 1), np.iinfo(samples.dtype).max, samples.dtype)
    return np.concatenate((samples, opaque), axis=-1)


def _lay_over(part: Samples, under: Samples) -> None:
    """Blend one image over another, in place, a few rows at a time; neither is premultiplied."""
    most = int(np.iinfo(part.dtype).max)
    sums: npt.DTypeLike = np.int32 if most == 255 else np.int64
    rows = max(_AT_ONCE // part.shape[1], 1)
    for top in range(0, part.shape[0], rows):
        above, below = part[top : top + rows], under[top : top + rows]
        alpha: npt.NDArray[Any] = above[..., -1:].astype(sums)
        left: npt.NDArray[Any] = below[..., -1:].astype(sums) * (most - alpha)  # of most * most
        whole = most * alpha + left
        colours = above[..., :-1] * (most * alpha) + below[..., :-1] * left
        below[..., :-1] = (colours + whole // 2) // np.maximum(whole, 1)
        below[..., -1:] = (whole + most // 2) // most
