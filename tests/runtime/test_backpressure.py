"""Estimates for callers that are refused."""

from __future__ import annotations

import pytest

from autoquality_core.runtime.backpressure import MovingAverage, retry_hint


@pytest.mark.parametrize(
    ("seconds", "hint"), [(0.0, 0.05), (0.05, 0.05), (1.5, 1.5), (30.0, 30.0), (30.1, 30.0)]
)
def test_a_retry_hint_is_between_50_milliseconds_and_30_seconds(
    seconds: float, hint: float
) -> None:
    assert retry_hint(seconds) == hint


def test_a_moving_average_starts_with_the_first_measurement() -> None:
    mean = MovingAverage()
    assert mean.value == 0
    mean.add(10)
    assert mean.value == 10
    mean.add(20)
    assert mean.value == pytest.approx(12)
