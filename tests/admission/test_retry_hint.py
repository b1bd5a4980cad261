"""Estimates for refused callers."""

from __future__ import annotations

import pytest

from autoquality_server.admission.retry_hint import MovingAverage, retry_hint


def test_an_average_starts_with_its_first_measurement() -> None:
    """It is 0 before; each later measurement has a weight of a fifth."""
    average = MovingAverage()
    assert average.value == 0
    average.add(10)
    assert average.value == 10
    average.add(20)
    assert average.value == pytest.approx(12)


@pytest.mark.parametrize(
    ("seconds", "hint"), [(0.0, 0.05), (0.05, 0.05), (7.0, 7.0), (30.0, 30.0), (1e9, 30.0)]
)
def test_a_hint_is_from_50_milliseconds_to_30_seconds(seconds: float, hint: float) -> None:
    """Within the range it is the estimate itself."""
    assert retry_hint(seconds) == hint
