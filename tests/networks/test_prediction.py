"""A prediction is a distribution over the qualities 1 to 100."""

from __future__ import annotations

import numpy as np
import pytest

from autoquality_core.networks import Prediction
from tests.networks import peak_at


def test_equal_logits_are_equally_likely() -> None:
    """100 equal logits give each quality 1 %."""
    prediction = Prediction.from_logits(np.zeros((1, 100), np.float32))
    assert prediction.probabilities.shape == (100,)
    assert prediction.probabilities.dtype == np.float64
    np.testing.assert_allclose(prediction.probabilities, 0.01, rtol=1e-12)


@pytest.mark.parametrize("quality", [1, 42, 100])
def test_index_stands_for_quality_one_higher(quality: int) -> None:
    """The largest logit at index i makes quality i + 1."""
    assert Prediction.from_logits(peak_at(quality)).quality == quality


@pytest.mark.parametrize("shift", [-1e30, -1e4, 0.0, 1e4, 1e30])
def test_huge_logits_neither_overflow_nor_vanish(shift: float) -> None:
    """Logits of any finite size give finite probabilities that sum to 1."""
    logits = np.full(100, shift)
    logits[69] += abs(shift) + 50
    prediction = Prediction.from_logits(logits)
    assert np.isfinite(prediction.probabilities).all()
    assert prediction.probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert prediction.quality == 70


def test_the_higher_of_two_equally_likely_qualities_is_taken() -> None:
    """The better-looking one."""
    assert Prediction.from_logits(peak_at(30) + peak_at(80)).quality == 80


def test_probabilities_cannot_be_changed() -> None:
    """Several readers may share it."""
    prediction = Prediction.from_logits(peak_at(50))
    with pytest.raises(ValueError, match="read-only"):
        prediction.probabilities[0] = 1


@pytest.mark.parametrize(("ends", "spread"), [((70, 70), 0), ((30, 80), 25)])
def test_the_deviation_includes_rounding_to_a_whole_quality(
    ends: tuple[int, int], spread: float
) -> None:
    prediction = Prediction.from_logits(1000 * sum(peak_at(one) for one in ends))
    assert prediction.mean == pytest.approx(sum(ends) / 2)
    assert prediction.deviation == pytest.approx((spread**2 + 1 / 12) ** 0.5)
