"""Products of matrices in parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autoquality_core.runtime.products import product


@pytest.mark.parametrize(
    ("rows", "inner", "columns"),
    [(3, 64, 5), (64, 64, 64), (64, 64, 1000), (8, 64, 4096), (2705, 64, 64), (1, 3000, 300)],
)
def test_parts_are_put_together_as_the_whole(rows: int, inner: int, columns: int) -> None:
    numbers = np.random.default_rng(1)
    left = numbers.standard_normal((rows, inner)).astype(np.float32)
    right = numbers.standard_normal((inner, columns)).astype(np.float32)
    found = product(left, right)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, left.astype(float) @ right.astype(float), atol=1e-3)


def test_no_part_is_large_enough_for_several_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    class Watched(np.ndarray):
        def __matmul__(self, other: Any) -> Any:
            sizes.append(self.shape[-2] * self.shape[-1] * other.shape[-1])
            return np.asarray(self) @ np.asarray(other)

    for shape in ((64, 64, 4096), (21_632, 24, 8)):
        left, right = np.zeros(shape[:2]).view(Watched), np.zeros(shape[1:]).view(Watched)
        product(left, right)
    assert sizes
    assert max(sizes) <= 2**18
