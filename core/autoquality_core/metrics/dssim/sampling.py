"""Which windows are measured: every row of them, or some rows, staggered.

The image is cut into vertical strips, each `LANES` windows wide. In a strip
every `stride`-th row of windows is measured, whole; each strip starts a row
lower than the one to its left, so that all rows are covered evenly by one
strip or another. Blocks of 8x8 pixels, lines of text and whatever else repeats
down the image therefore meet the strips at every phase, and what one strip
sees too much of its neighbours see too little of. A plain grid with the same
stride in both directions, which costs no less here, errs ten times as much.
"""

from __future__ import annotations

from autoquality_core.metrics.dssim.kernel import LANES, TAPS

# (stride, windows a frame from which on its error stays under 1e-4), measured
# on photographs, screenshots, maps and line drawings at qualities 10 to 95 of
# JPEG, WebP and AVIF.
_STRIDES = ((4, 2_000_000), (3, 500_000), (2, 150_000))


def default_stride(height: int, width: int) -> int:
    """Choose the widest stride that is exact to 1e-4 for frames of this size in pixels."""
    rows = max(height - TAPS + 1, 1)
    columns = max(width - TAPS + 1, 1)
    for stride, windows in _STRIDES:
        # Narrow images have too few strips for the staggering to even out.
        if rows * columns >= windows and columns >= 2 * stride * LANES:
            return stride
    return 1
