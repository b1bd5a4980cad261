"""Matching the frames of two animations by the time at which they are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autoquality_core.runtime.arrays import Indices

# Browsers show a frame of 10 ms or less for 100 ms, and libvips writes 100 ms for it.
_SHORTEST_MS = 10
_SHORT_BECOMES_MS = 100


def shown_for(delay: int) -> int:
    """The milliseconds for which viewers show a frame of this duration."""
    return _SHORT_BECOMES_MS if delay <= _SHORTEST_MS else delay


def frames_shown(delays: Sequence[int], other: Sequence[int]) -> Indices:
    """For each frame of an animation, the index of the frame of another shown when it begins.

    `delays` are the durations of its frames, `other` those of the other animation. Both are
    in milliseconds and not empty. After its end, an animation shows its last frame. The
    numbers of frames may differ: encoders merge frames that look the same.
    """
    return np.searchsorted(_begins(other), _begins(delays), side="right") - 1


def frames_together(first: Sequence[int], second: Sequence[int]) -> tuple[Indices, Indices]:
    """The pairs of frames to compare: each frame of the first, and the second's at that time.

    `first` and `second` are durations as for `frames_shown`, empty for a still image,
    which is compared with each frame of an animation.
    """
    if first:
        return np.arange(len(first)), frames_shown(first, second or [0])
    count = max(len(second), 1)
    return np.zeros(count, np.intp), np.arange(count)


def _begins(delays: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.cumsum([0, *map(shown_for, delays[:-1])], dtype=np.int64)
