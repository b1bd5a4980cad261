"""Estimates for refused callers, from the pixels finished per second."""

from __future__ import annotations

import pytest

from autoquality_server.admission.retry_hint import MovingAverage, ThroughputEstimator, retry_hint


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


def test_before_the_first_measurement_a_request_takes_half_a_second_of_a_worker() -> None:
    estimator = ThroughputEstimator(workers=4)
    assert estimator.seconds(10**9, requests=2) == 0.25


def test_the_estimate_is_in_proportion_to_the_pixels() -> None:
    estimator = ThroughputEstimator(workers=4)
    estimator.set_full(True, now=10.0)
    estimator.finished(1000, now=12.0)
    assert estimator.seconds(500, requests=7) == pytest.approx(1.0)
    assert estimator.seconds(5000, requests=1) == pytest.approx(10.0)


def test_each_end_is_measured_from_the_one_before() -> None:
    """A second, then two requests of three times the pixels, 2 s apart: new ones weigh a fifth."""
    estimator = ThroughputEstimator(workers=1)
    estimator.set_full(True, now=10.0)
    for pixels, now in ((1000, 11.0), (3000, 13.0), (3000, 15.0)):
        estimator.finished(pixels, now)
    gap, mean_pixels = 1.0 + 0.2 + 0.2 * 0.8, 1000 + 400 + 0.2 * 1600
    assert estimator.seconds(1000, requests=1) == pytest.approx(1000 * gap / mean_pixels)


def test_only_time_at_full_capacity_counts() -> None:
    estimator = ThroughputEstimator(workers=1)
    estimator.finished(1000, now=5.0)
    assert estimator.seconds(1000, requests=1) == 0.5
    estimator.set_full(True, now=10.0)
    estimator.set_full(False, now=11.0)
    estimator.finished(1000, now=12.0)
    assert estimator.seconds(1000, requests=1) == 0.5
    estimator.set_full(True, now=20.0)
    estimator.set_full(True, now=22.0)
    estimator.finished(1000, now=23.0)
    assert estimator.seconds(1000, requests=1) == pytest.approx(3.0)
