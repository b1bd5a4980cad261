"""The planes of an image, prepared to be compared with others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autoquality_core.images.colour.linear_light import read_only
from autoquality_core.metrics.ssimulacra2 import maps, xyb
from autoquality_core.metrics.ssimulacra2.weights import MAPS, PLANES, SCALES, WEIGHTS, score_of
from autoquality_core.runtime.arrays import Bytes, Floats

LEAST_SIDE = 8
"""The smallest side that the metric is defined for, and the smallest that is halved."""

_NEGLIGIBLE = 0.01
"""Planes whose weights are all below this change a score by less than 0.005."""

_STORED = {1: 0, 0: 1, 2: 2}
"""Where the planes X, Y and B are in memory. Y comes first, because it is often needed alone."""


class FrameReference:
    """One opaque frame. Thread-safe: many threads may measure at once, without the GIL."""

    def __init__(self, samples: Bytes, *, every_plane: bool = False, kept: bool = True) -> None:
        """Prepare `samples` (height, width, 1 or 3), 8-bit sRGB or grey.

        `every_plane` also measures the planes that hardly count. `kept` keeps the image's side of
        the first measurement for the next ones: 21 bytes a pixel, 48 with every plane.
        """
        # If the planes are kept, the samples may change afterwards.
        self._samples = samples
        self._counted = _counted(len(_shapes(samples)), every_plane=every_plane)
        self._scales = list(self._converted(samples)) if kept else None
        self._moments: dict[tuple[int, int], tuple[Floats, Floats]] = {}

    def score(self, samples: Bytes) -> float:
        """The score of other samples of the same height and width, at most 100."""
        mine = self._converted(self._samples) if self._scales is None else self._scales
        norms = np.zeros((PLANES, len(self._counted), 2, MAPS))
        sums = np.empty(2 * MAPS)
        for scale, (x, y) in enumerate(zip(mine, self._converted(samples), strict=True)):
            for plane in self._counted[scale]:
                at = _STORED[plane]
                moments = self._moments.get((scale, plane))
                known = moments is not None
                if moments is None:
                    shape = (0, 0) if self._scales is None else x[at].shape
                    moments = np.empty(shape, np.float32), np.empty(shape, np.float32)
                maps.sum_maps(x[at], y[at], *moments, known, sums)
                if self._scales is not None:
                    # Threads that measure at the same time compute the same moments.
                    self._moments[scale, plane] = moments
                norms[plane, scale] = sums.reshape(2, MAPS) / x[at].size
        norms[:, :, 1] **= 0.25
        return score_of(norms)

    def _converted(self, samples: Bytes) -> Iterator[Floats]:
        """The planes of each scale, one after another: (1 or 3, height, width), Y first."""
        light = np.empty((0, 0, 0), np.float32)
        for scale, (height, width) in enumerate(_shapes(samples)):
            count = 1 if self._counted[scale] == (1,) else PLANES
            planes = np.empty((count, height, width), np.float32)
            half = np.empty((PLANES, -(-height // 2), -(-width // 2)), np.float32)
            if scale == 0:
                xyb.convert_samples(read_only(_extended(samples)), xyb.LINEAR, half, planes)
            else:
                xyb.convert_light(light, half, planes)
            light = half
            yield planes


def _extended(samples: Bytes) -> Bytes:
    """Samples of at least `LEAST_SIDE` a side, the outermost repeated by reflection."""
    pads = [(0, max(LEAST_SIDE - side, 0)) for side in samples.shape[:2]]
    if any(after for _, after in pads):
        samples = np.pad(samples, [*pads, (0, 0)], mode="symmetric")
    return np.ascontiguousarray(samples)


def _shapes(samples: Bytes) -> list[tuple[int, int]]:
    """The (height, width) of each scale; the last one may be smaller than `LEAST_SIDE`."""
    height, width = (max(side, LEAST_SIDE) for side in samples.shape[:2])
    shapes = [(height, width)]
    while len(shapes) < SCALES and min(height, width) >= LEAST_SIDE:
        height, width = -(-height // 2), -(-width // 2)
        shapes.append((height, width))
    return shapes


def _counted(scales: int, *, every_plane: bool) -> list[tuple[int, ...]]:
    """For each scale, the planes that are measured."""
    weights = WEIGHTS[: PLANES * scales * 2 * MAPS].reshape(PLANES, scales, 2 * MAPS)
    least = 0.0 if every_plane else _NEGLIGIBLE
    counts = np.any(weights > least, axis=2)
    return [tuple(np.flatnonzero(column).tolist()) for column in counts.T]
