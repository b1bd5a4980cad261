"""Whether the colours that sRGB cannot hold are so many, and so far out, that somebody sees it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_PIXELS = 1 << 17
"""About as many pixels, evenly spread, are looked at."""

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


def clips(linear: npt.NDArray[np.float32], alpha: npt.NDArray[np.generic] | None) -> bool:
    """Whether clipping is visible in at least a thousandth of the pixels that are.

    `linear` holds linear light in sRGB, (n, 3), beyond 0 to 1 where sRGB ends.
    """
    if alpha is not None:
        linear = linear[alpha > 0]
    few = _SHARE * len(linear)
    outside = linear[((linear < 0) | (linear > 1)).any(-1)].astype(np.float64)
    if len(outside) == 0 or len(outside) < few:
        return False
    distance = np.linalg.norm(_oklab(outside) - _oklab(outside.clip(0, 1)), axis=-1)
    return bool((distance > _VISIBLE).sum() >= max(few, 1))


def _oklab(linear: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.cbrt(linear @ _CONES.T) @ _LAB.T)
