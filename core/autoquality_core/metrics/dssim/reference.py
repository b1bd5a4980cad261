"""The luma of an image, prepared to be compared with others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from autoquality_core.metrics.dssim import kernel
from autoquality_core.metrics.dssim.sampling import default_stride
from autoquality_core.runtime.allocator import trim_heap
from autoquality_core.runtime.compilation import kept_in

Luma = npt.NDArray[np.uint8]

KEPT_PIXELS = 4_000_000
"""The largest image whose moments are kept between measurements."""


class Reference:
    """An image whose local means and variances are computed once.

    Thread-safe: many threads may measure at once, without the GIL.
    """

    def __init__(self, luma: Luma, stride: int | None = None) -> None:
        """Compute the local means and variances of `luma`.

        `luma` is 8-bit, of the shape (surfaces, frames, height, width): one
        surface for an opaque image, two (over black, over white) for one with
        alpha. It is kept, not copied, and must not change. Every `stride`-th row of
        windows is measured: 1 measures all, None takes `default_stride`.
        Memory: 8 / stride bytes a pixel.

        An image of fewer than 11 pixels a side has no whole window. Reflection about
        its edges extends it to 11, the outermost pixels repeated (... b a | a b ...).

        Raises ValueError for another shape or type, an empty image, or a stride below 1.
        """
        self._shape = _checked(luma).shape
        surfaces, frames, height, width = self._shape
        self._stride = default_stride(height, width) if stride is None else stride
        if self._stride < 1:
            raise ValueError(f"the stride must be 1 or more, not {stride}")
        self._planes = _planes(luma)
        rows, columns = (side - kernel.TAPS + 1 for side in self._planes.shape[1:])
        strips = -(-columns // kernel.LANES)
        samples = -(-rows // self._stride)
        shape = (surfaces * frames, strips, samples, kernel.LANES)
        self._means = np.empty(shape, np.float32)
        self._variances = np.empty(shape, np.float32)
        for plane, means, variances in zip(self._planes, self._means, self._variances, strict=True):
            kernel.reference_moments(plane, self._stride, means, variances)

    def dssim(self, luma: Luma) -> float:
        """The DSSIM of `luma` to this image, in [0, 1]; exactly 0 for the same samples.

        The mean over windows, then over frames, then the worst surface.

        Raises ValueError unless `luma` has the reference's shape and type.
        """
        if _checked(luma).shape != self._shape:
            raise ValueError(f"expected luma of the shape {self._shape}, not {luma.shape}")
        lacks = [
            kernel.mean_dissimilarity(plane, distorted, self._stride, means, variances)
            for plane, distorted, means, variances in zip(
                self._planes, _planes(luma), self._means, self._variances, strict=True
            )
        ]
        worst = np.reshape(lacks, self._shape[:2]).mean(axis=1).max()
        return min(max(float(worst) / 2, 0.0), 1.0)


class UncachedReference:
    """A reference that keeps nothing between measurements, for large images.

    Luma and moments take 3 bytes a pixel, while an encoder needs many more. Computing
    them for each measurement takes 2 ms a megapixel; encoding and decoding take 25 or more.
    """

    def __init__(self, luma: Callable[[], Luma], stride: int | None = None) -> None:
        """`luma` returns the same planes each time; it and `stride` are as for `Reference`."""
        self._luma = luma
        self._stride = stride

    def dssim(self, luma: Luma) -> float:
        """As `Reference.dssim`; raises ValueError as the constructor and `dssim` of `Reference`."""
        found = Reference(self._luma(), self._stride).dssim(luma)
        trim_heap()
        return found


def compare(reference_luma: Luma, distorted_luma: Luma, stride: int | None = 1) -> float:
    """The DSSIM between two images; shapes, stride and errors as for `Reference`."""
    return Reference(reference_luma, stride).dssim(distorted_luma)


def warm_up() -> None:
    """Compile the kernels, or load them from numba's disk cache."""
    luma = np.zeros((1, 1, kernel.TAPS, kernel.TAPS), np.uint8)
    compare(luma, luma)


def cache_folder() -> str | None:
    """The folder of the compiled kernels' disk cache; None if they are not cached."""
    return kept_in(kernel.mean_dissimilarity)


def _checked(luma: Luma) -> Luma:
    """`luma` itself if it is 8-bit, has four axes and is not empty."""
    if luma.dtype != np.uint8 or luma.ndim != 4 or luma.size == 0:
        raise ValueError("expected 8-bit luma of the shape (surfaces, frames, height, width)")
    return luma


def _planes(luma: Luma) -> Luma:
    """The planes as (surfaces x frames, height, width), padded to 11 pixels a side or more.

    Read-only, so that numba sees one type for all callers, and compiles once.
    """
    before_after = [(0, 0), (0, 0)]
    for side in luma.shape[2:]:
        missing = max(kernel.TAPS - side, 0)
        before_after.append((missing // 2, missing - missing // 2))
    if any(pads != (0, 0) for pads in before_after):
        luma = np.pad(luma, before_after, mode="symmetric")
    planes = np.ascontiguousarray(luma).reshape(-1, *luma.shape[2:]).view()
    planes.flags.writeable = False
    return planes
