"""The cores that one process can use: the model, and the server whose codecs wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.many_cores import tables
from bench.many_cores.__main__ import Spent, _measures, main
from bench.many_cores.model import ENOUGH, most_cores, share_of, used
from bench.many_cores.stand_in import REAL, waiting
from bench.record import record_of

SHARES = (0.02, 0.1, 0.25, 0.6)


@pytest.mark.parametrize("share", SHARES)
def test_one_core_is_used_and_many_are_as_busy_as_python_allows(share: float) -> None:
    assert used(share, 1) == pytest.approx(1)
    parts = [used(share, cores) for cores in range(1, 65)]
    assert parts == sorted(parts, reverse=True)
    assert 256 * used(share, 256) == pytest.approx(1 / share, rel=0.01)


def test_two_cores_by_hand() -> None:
    # One request alone is in Python for a quarter. The other one finds it there as often.
    assert used(0.25, 2) == pytest.approx(1 / (0.75 + 0.25 * 1.25))


@pytest.mark.parametrize("share", SHARES)
def test_the_share_is_found_from_measurements(share: float) -> None:
    measured = {cores: used(share, cores) for cores in (1, 4, 16)}
    assert share_of(measured) == pytest.approx(share, abs=0.002)


def test_the_most_cores_are_the_last_that_are_used_enough() -> None:
    most = most_cores(0.1)
    assert used(0.1, most) >= ENOUGH > used(0.1, most + 1)
    assert most_cores(1.0) == 1


def test_work_waits_after_some_real_calls() -> None:
    calls: list[int] = []

    def work(number: int) -> list[int]:
        calls.append(number)
        return [number]

    call = waiting(work, lambda number: number)
    results = [call(1) for _ in range(REAL + 3)]
    assert calls == [1] * REAL
    assert results[-1] is results[REAL] and results[-1] == [1]
    assert call(2) == [2]


def test_the_page_has_the_curve_and_python_is_never_more_than_all_work() -> None:
    by_cores = {1: Spent(100.0, 2.0), 4: Spent(110.0, 2.0)}
    measures = list(_measures(("none", "JPEG", 0.4), Spent(100.0, 8.0), by_cores))
    found = {(one.what, one.goal): one.value for one in measures}
    assert found["part of the cores used", "4 cores"] == pytest.approx(0.275)
    assert found["time in Python", ""] == 0.25
    assert found["cores a process", ""] == most_cores(0.25)
    record = record_of("many-cores", measures, {"cores": [1, 4], "seconds": 1.0}, notes=["idle"])
    row = tables.page(record).splitlines()[-1]
    assert row.startswith("| none | JPEG, 0.4 megapixels | 8.00 | 2.00 | 25% |")


@pytest.mark.parametrize("wrong", [["--cores", "2"], ["--cores", "1", "65"], ["--seconds", "-1"]])
def test_wrong_arguments_are_refused(
    wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*wrong, "--results", str(tmp_path)])
    assert wrong[0] in capsys.readouterr().err
