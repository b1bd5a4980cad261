"""The metric: DSSIM = (1 - SSIM) / 2 on 8-bit luma, 0 identical, 1 the most possible.

SSIM after Wang et al. 2004, "Image quality assessment: from error visibility
to structural similarity": 11x11 Gaussian window with sigma 1.5, K1 = 0.01,
K2 = 0.03, L = 255, windows wholly inside the image, mean over windows.
"""

from __future__ import annotations

from autoquality_core.metrics.dssim.reference import (
    KEPT_PIXELS,
    PassingReference,
    Reference,
    cache_folder,
    compare,
    reference_of,
    warm_up,
)
from autoquality_core.metrics.dssim.sampling import default_stride

__all__ = [
    "KEPT_PIXELS",
    "PassingReference",
    "Reference",
    "cache_folder",
    "compare",
    "default_stride",
    "reference_of",
    "warm_up",
]
