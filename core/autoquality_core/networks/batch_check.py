"""Which batches a network can take: seen by running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_TARGETS = (0.01, 0.04)

_AGREE = 0.01
"""How far, relative to the largest, an output may differ in a batch: another kernel rounds
otherwise."""


def working_batch_sizes(
    wanted: Iterable[int],
    outputs: Callable[[Sequence[Bytes], Sequence[float]], npt.NDArray[Any]],
    side: int,
) -> tuple[int, ...]:
    """All of `wanted`, rising, if all of them work, else 1 alone.

    `outputs` runs the network on images of (side, side, 3), each with its target
    DSSIM, and gives a row an image, or raises whatever its library does. A batch
    must say of each image what the image alone does: some exported networks mix
    what they see together, or ask for one image's target on behalf of all.
    Every size is run, so that what a library compiles for each is compiled.
    """
    shades = _shades(side)
    alone = [outputs([shade], [target])[0] for shade, target in zip(shades, _TARGETS, strict=True)]
    sizes = sorted(set(wanted))
    for size in sizes:
        turns = [i % len(alone) for i in range(size)]
        expected = np.stack([alone[i] for i in turns])
        try:
            together = outputs([shades[i] for i in turns], [_TARGETS[i] for i in turns])
        except Exception:  # noqa: BLE001 - whatever it is, it does not run in batches
            return (1,)
        if together.shape != expected.shape or not _agree(together, expected):
            return (1,)
    return tuple(sizes)


def _agree(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    difference = np.abs(one.astype(np.float64) - other)
    return bool(difference.max() <= _AGREE * (1 + np.abs(other).max()))


def _shades(side: int) -> tuple[Bytes, Bytes]:
    """A grey image, and one that differs from it in every channel, on average too."""
    ramp = np.linspace(0, 255, side).astype(np.uint8)
    planes = np.broadcast_arrays(ramp[:, None] // 2, 255 - ramp[None, :] // 3, np.uint8(32))
    return np.full((side, side, 3), 128, np.uint8), np.stack(planes, -1)
