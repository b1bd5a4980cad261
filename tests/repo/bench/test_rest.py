"""The benchmark of start, memory and predictions compares each way with the first."""

from __future__ import annotations

from bench.record import record_of
from bench.rest import START, compared, page, predictions


def test_ratios_are_those_of_one_round() -> None:
    runs = {"NumPy": [1.0, 2.0, 4.0], "TensorFlow": [4.0, 6.0, 8.0]}
    first, other, ratio = compared(START, "server", runs, "s")
    assert (first.value, first.wanted, first.within_limit) == (2, 2.5, True)
    assert (other.value, other.wanted) == (6, None)
    assert (ratio.value, ratio.unit) == (3, "x")
    text = page(record_of("rest", [first, other, ratio], {}))
    assert "| start | server | TensorFlow | 6.00 (5.00–7.00) s | 3.00 (2.50–3.50) |" in text


def test_predictions_are_timed_by_metric_and_batch() -> None:
    found = [one for one in predictions(1, 1) if not one.goal]
    assert len({one.setting for one in found}) == 4
    assert all(one.value > 0 for one in found)
