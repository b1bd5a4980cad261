"""Which frames of two animations are on screen at the same time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]

# Browsers show a frame of 10 ms or less for 100 ms, and libvips writes it so.
_SHORTEST_MS = 10
_SHORT_BECOMES_MS = 100


def frames_shown(delays: Sequence[int], other: Sequence[int]) -> Indices:
    """The frame of an animation that is on screen when each frame of another one begins.

    `delays` are the durations of the other's frames, `other` those of the
    frames to choose from, both in milliseconds and not empty. After the end of
    an animation its last frame stays. Encoders merge frames that look the same
    into one that lasts as long as all of them, so the two may differ in number.
    """
    return np.searchsorted(_begins(other), _begins(delays), side="right") - 1


def frames_together(first: Sequence[int], second: Sequence[int]) -> tuple[Indices, Indices]:
    """The pairs of frames to compare: each frame of the first and what the second shows then.

    `first` and `second` are durations as for `frames_shown`, empty for a still
    image. A still image is on screen all the time: each frame of an animation
    is compared with it.
    """
    if first:
        return np.arange(len(first)), frames_shown(first, second or [0])
    count = max(len(second), 1)
    return np.zeros(count, np.intp), np.arange(count)


def _begins(delays: Sequence[int]) -> npt.NDArray[np.int64]:
    shown = [_SHORT_BECOMES_MS if delay <= _SHORTEST_MS else delay for delay in delays]
    return np.cumsum([0, *shown[:-1]], dtype=np.int64)
