"""The luma of an image, prepared to be compared with others.

All rows of windows are measured, or some rows, staggered. The image is cut into vertical strips,
each `LANES` windows wide. In a strip, every `stride`-th row of windows is measured. Each strip
starts a row lower than its left neighbour, so that together they cover all rows evenly. Patterns
that repeat down the image, such as blocks of 8x8 pixels or lines of text, meet the strips at every
phase, and their errors cancel out. A plain grid with the same stride in both directions costs no
less here and has ten times the error.
"""

from __future__ import annotations

import numpy as np

from autoquality_core.images.colour.linear_light import read_only
from autoquality_core.metrics.dssim import kernel
from autoquality_core.runtime.arrays import Bytes

# (stride, the fewest windows of a frame for which its error stays under 1e-4). Measured on
# photographs, screenshots, maps and line drawings, by JPEG, WebP and AVIF at qualities 10 to 95.
_STRIDES = ((4, 2_000_000), (3, 500_000), (2, 150_000))


class Reference:
    """An image whose local means and variances are computed once.

    Thread-safe: many threads may measure at once, without the GIL.
    """

    def __init__(self, luma: Bytes, stride: int | None = None) -> None:
        """Compute the local means and variances of `luma`.

        `luma` is 8-bit, of the shape (surfaces, frames, height, width): one
        surface for an opaque image, two (over black, over white) for one with
        alpha. It is kept, not copied, and must not change. Every `stride`-th row of
        windows is measured: 1 measures all, None takes `default_stride`.
        Memory: 8 / stride bytes a pixel.

        An image of fewer than 11 pixels a side has no whole window. Reflection about
        its edges extends it to 11, the outermost pixels repeated (... b a | a b ...).
        """
        self._shape = luma.shape
        surfaces, frames, height, width = self._shape
        self._stride = default_stride(height, width) if stride is None else stride
        self._planes = _planes(luma)
        rows, columns = (side - kernel.TAPS + 1 for side in self._planes.shape[1:])
        strips = -(-columns // kernel.LANES)
        samples = -(-rows // self._stride)
        shape = (surfaces * frames, strips, samples, kernel.LANES)
        self._means = np.empty(shape, np.float32)
        self._variances = np.empty(shape, np.float32)
        for plane, means, variances in zip(self._planes, self._means, self._variances, strict=True):
            kernel.reference_moments(plane, self._stride, means, variances)

    def dssim(self, luma: Bytes) -> float:
        """The DSSIM of `luma` to this image, in [0, 1]; exactly 0 for the same samples.

        The mean over windows, then over frames, then the worst surface.

        Raises ValueError unless `luma` has the reference's shape.
        """
        if luma.shape != self._shape:
            raise ValueError(f"expected luma of the shape {self._shape}, not {luma.shape}")
        lacks = [
            kernel.mean_dissimilarity(plane, distorted, self._stride, means, variances)
            for plane, distorted, means, variances in zip(
                self._planes, _planes(luma), self._means, self._variances, strict=True
            )
        ]
        worst = np.reshape(lacks, self._shape[:2]).mean(axis=1).max()
        return min(max(float(worst) / 2, 0.0), 1.0)


def default_stride(height: int, width: int) -> int:
    """Choose the widest stride that is exact to 1e-4 for frames of this size in pixels."""
    rows = max(height - kernel.TAPS + 1, 1)
    columns = max(width - kernel.TAPS + 1, 1)
    for stride, windows in _STRIDES:
        # Narrow images have too few strips for the staggering to even out.
        if rows * columns >= windows and columns >= 2 * stride * kernel.LANES:
            return stride
    return 1


def compare(reference_luma: Bytes, distorted_luma: Bytes, stride: int | None = 1) -> float:
    """The DSSIM between two images; shapes, stride and errors as for `Reference`."""
    return Reference(reference_luma, stride).dssim(distorted_luma)


def _planes(luma: Bytes) -> Bytes:
    """The planes as (surfaces x frames, height, width), padded to 11 pixels a side or more.

    Read-only, so that numba sees one type for all callers, and compiles once.
    """
    before_after = [(0, 0), (0, 0)]
    for side in luma.shape[2:]:
        missing = max(kernel.TAPS - side, 0)
        before_after.append((missing // 2, missing - missing // 2))
    if any(pads != (0, 0) for pads in before_after):
        luma = np.pad(luma, before_after, mode="symmetric")
    return read_only(np.ascontiguousarray(luma).reshape(-1, *luma.shape[2:]))
