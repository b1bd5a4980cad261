"""The guard finds a method that needs twice the time, and other encodings, bytes or outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autoquality_core.types import Method, ResolvedTarget
from bench.compare import ours
from bench.compare.subject import load
from bench.compare.task import Task
from bench.guard import BAND, COST, Case, page, record_from, regressions, risen, wrong_counts
from bench.record import Record, latest
from tests.photos import crop

KEY = ("dssim", "jpeg-mozjpeg")


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """The search for a DSSIM in one small photograph."""
    file = tmp_path / "coffee.png"
    file.write_bytes(crop("coffee.png", 96, 64))
    target = ResolvedTarget(Method.DSSIM, 0.02, 10, 95, 0.001)
    task = Task(load(file, tmp_path), "jpeg-mozjpeg", target, "10-95")
    return Case(ours.Ours(Method.DSSIM, {}), "jpeg-mozjpeg", [task])


def record_of_cost(cost: float, some: Sequence[Case]) -> Record:
    return record_from([{KEY: cost, ("none", "bare codec"): 1e3}], some)


def test_a_method_of_twice_the_time_is_a_regression(case: Case) -> None:
    record = record_of_cost(min(case.cost() for _ in range(5)), [case])
    (line,) = regressions(record, [replace(case, times=2)], rounds=3)
    assert line.startswith("cost of dssim, jpeg-mozjpeg: ")


def test_the_band_is_the_limit(case: Case) -> None:
    record = record_of_cost(2.0, [case])
    assert risen(record, {KEY: 2 * (1 + BAND) - 1e-6}) == {}
    assert list(risen(record, {KEY: 2 * (1 + BAND) + 1e-6})) == [KEY]
    assert list(risen(record, {("ml", "webp"): 0.1})) == [("ml", "webp")], "not in the record"


def test_counts_have_no_band(case: Case) -> None:
    record = record_of_cost(2.0, [case])
    assert list(wrong_counts(record, [case])) == []
    (task,) = case.tasks
    other = Task(task.subject, task.setting, replace(task.resolved, target=0.03), task.span)
    lines = list(wrong_counts(record, [replace(case, tasks=[other])]))
    assert any(line.startswith("bytes of dssim, jpeg-mozjpeg: ") for line in lines)


def test_the_committed_runs_spread_by_less_than_the_band() -> None:
    record = latest("guard")
    assert record is not None
    costs = record.find(what=COST)
    assert len(costs) >= 16
    assert all(one.count >= 10 for one in costs)
    assert all(one.high <= one.value * (1 + BAND * 2 / 3) for one in costs), page(record)
