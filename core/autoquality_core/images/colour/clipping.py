"""Detecting visible loss when colours outside sRGB are clipped."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.runtime.arrays import Doubles, Floats

SAMPLE_PIXELS = 1 << 16
"""The number of evenly spread pixels to check, approximately."""

_MOST_COMPARED = 1 << 12
_SHARE = 0.001
_VISIBLE = 0.02
"""The difference in Oklab that is just noticeable (CSS Color 4, section 13.2)."""

# Oklab, from linear sRGB: https://bottosson.github.io/posts/oklab/
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def clips(linear: Floats, alpha: npt.NDArray[Any] | None) -> bool:
    """Whether clipping is visible in at least a thousandth of the visible pixels.

    `linear` holds linear light in sRGB, (n, 3), beyond 0 to 1 where sRGB ends.
    """
    if alpha is not None:
        linear = linear[alpha > 0]
    few = max(_SHARE * len(linear), 1)
    outside = linear[(linear.min(-1) < 0) | (linear.max(-1) > 1)]
    if len(outside) < few:
        return False
    step = -(-len(outside) // _MOST_COMPARED)
    some = outside[::step].astype(np.float64)
    distance = np.linalg.norm(_oklab(some) - _oklab(some.clip(0, 1)), axis=-1)
    return bool((distance > _VISIBLE).sum() * step >= few)


def _oklab(linear: Doubles) -> Doubles:
    return np.asarray(np.cbrt(linear @ _CONES.T) @ _LAB.T)
