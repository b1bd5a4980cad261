"""Products of matrices on one core."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_LARGEST: Final = 2**18
"""The most multiplications of a product that OpenBLAS leaves on one core."""


def product(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`left @ right`, for (n, k) and (k, m) in parts that stay on one core.

    OpenBLAS spreads larger products over all cores, where its threads wait for each other if those
    cores are busy. A limit on its threads would bind the whole process. The result is C-contiguous.
    """
    (n, k), m = left.shape, right.shape[1]
    if n * k * m <= _LARGEST:
        return np.asarray(left @ right)
    if n < m:
        return np.ascontiguousarray(product(right.T, left.T).T)
    rows = max(_LARGEST // (k * m), 1)
    whole = n // rows * rows
    done = (left[:whole].reshape(-1, rows, k) @ right).reshape(whole, m)
    return np.concatenate([done, left[whole:] @ right]) if whole < n else done
