"""The normal distribution of the goals."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from autoquality_core.search.base import normal_cdf


def test_the_normal_distribution_is_that_of_the_standard_library() -> None:
    x = np.linspace(-9, 9, 401)
    exact = [statistics.NormalDist().cdf(one) for one in x]
    assert normal_cdf(x) == pytest.approx(exact, abs=2e-7)
    assert normal_cdf(np.array([-np.inf, np.inf, 0.0])) == pytest.approx([0, 1, 0.5], abs=2e-7)
