"""Records are stored and compared, and pages contain the numbers of the newest records."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from bench import capacity, pages
from bench.capacity import Cluster, contention
from bench.record import Measure, Record, latest, read, record_of, write
from bench.record.changes import changes, finish
from bench.scaling.megapixels import WHAT
from tests.commands import ROOT

VALUE = [one.name for one in fields(Measure)].index("value")


def measure(value: float, **fields: object) -> Measure:
    one = Measure(
        "cost over none", "autoquality dssim", "webp", "dssim 10-95",
        value, value, value, "x", "lower", 3, 1.8,
    )  # fmt: skip
    return replace(one, **fields)


def record(*measures: Measure) -> Record:
    return record_of("compare", measures, {"images": ["a"]})


def compared(tmp_path: Path, old: Record, change: Callable[[dict], None]) -> tuple[int, str]:
    """Exit status and output of the command for a record and a changed copy."""
    before = write(old, tmp_path)
    parts = json.loads(before.read_text())
    change(parts)
    after = tmp_path / "changed.json"
    after.write_text(json.dumps(parts))
    done = subprocess.run(
        [sys.executable, "-m", "bench.record.changes", str(before), str(after)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    one = record(measure(1.5), measure(2.5, setting="avif"))
    assert read(write(one, tmp_path)) == one


def test_the_newest_record_with_the_same_arguments_is_compared(tmp_path: Path) -> None:
    for date, images in (("2026-01-01", ["a"]), ("2026-01-03", ["b"]), ("2026-01-02", ["a"])):
        write(replace(record(), date=f"{date}T00:00:00Z", arguments={"images": images}), tmp_path)
    like = latest("compare", tmp_path, like=record())
    newest = latest("compare", tmp_path)
    assert like is not None and like.date.startswith("2026-01-02")
    assert newest is not None and newest.date.startswith("2026-01-03")
    assert latest("compare", tmp_path / "nowhere") is None


def test_regressions_are_shown_first(tmp_path: Path) -> None:
    old = record(measure(1.5), measure(1.5, setting="avif"), measure(1.5, setting="jpeg"))

    def change(parts: dict) -> None:
        parts["measures"][0][VALUE] = 1.7
        parts["measures"][1][VALUE] = 3.0
        parts["measures"][2][VALUE] = 1.0

    status, said = compared(tmp_path, old, change)
    assert status == 1
    lines = said.splitlines()
    assert lines[1].strip() == "2 worse, 1 better, 0 equal"
    assert "WORSE" in lines[2] and "avif" in lines[2] and "1.5 -> 3 x (100%)" in lines[2]
    assert "WORSE" in lines[3] and "webp" in lines[3]
    assert "MISSED" in lines[4] and "wanted at most 1.8" in lines[4]
    assert "better" in lines[5] and "jpeg" in lines[5]


def test_the_time_of_other_tools_shows_the_load_of_the_machine(tmp_path: Path) -> None:
    old = record(measure(9.0, what="processor time", unit="ms", better="neither", wanted=None))

    def change(parts: dict) -> None:
        parts["measures"][0][VALUE] = 10.8

    status, said = compared(tmp_path, old, change)
    assert status == 0 and "other tools' processor time changed by +20%" in said


def test_worse_ratios_are_shown_before_worse_times(tmp_path: Path) -> None:
    old = record(measure(1.0), measure(9.0, unit="ms", wanted=None, what="processor time"))

    def change(parts: dict) -> None:
        parts["measures"][0][VALUE] = 1.1
        parts["measures"][1][VALUE] = 99.0

    _, said = compared(tmp_path, old, change)
    assert said.index("WORSE  cost over none") < said.index("WORSE  processor time")


def test_a_missing_measure_is_reported(tmp_path: Path) -> None:
    status, said = compared(tmp_path, record(measure(1.5)), lambda parts: parts["measures"].clear())
    assert status == 1 and "GONE   cost over none, autoquality dssim, webp" in said


def test_a_lower_share_is_worse_if_higher_is_better(tmp_path: Path) -> None:
    old = record(measure(0.9, what="on target", unit="share", better="higher", wanted=None))

    def change(parts: dict) -> None:
        parts["measures"][0][VALUE] = 0.5

    status, said = compared(tmp_path, old, change)
    assert status == 1 and "WORSE  on target" in said


def test_equal_records_are_no_error(tmp_path: Path) -> None:
    status, said = compared(tmp_path, record(measure(1.5)), lambda _: None)
    assert status == 0 and "0 worse, 0 better, 1 equal" in said


def test_between_machines_only_portable_measures_are_compared(tmp_path: Path) -> None:
    old = record(measure(1.5), measure(9.0, unit="ms", wanted=None, what="processor time"))

    def change(parts: dict) -> None:
        parts["machine"]["processor"] = "another"
        for one in parts["measures"]:
            one[VALUE] *= 2

    _, said = compared(tmp_path, old, change)
    assert "another machine" in said
    assert "WORSE  cost over none" in said and "processor time" not in said


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"columns": ["value"], "measures": [[1]]}'])
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "compare-odd.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"compare-odd\.json: not the record of a benchmark"):
        read(path)


def test_a_run_prints_the_changes_since_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    early = replace(record(measure(1.5)), date="2020-01-01T00:00:00Z")
    finish(early, "the page", tmp_path)
    assert "no earlier record" in capsys.readouterr().out
    finish(record(measure(2.5)), "the page", tmp_path)
    said = capsys.readouterr().out
    assert said.index("WORSE") < said.index("MISSED") < said.index("the page")
    found = changes(early, record(measure(2.5)))
    assert [round(one.worse, 2) for one in found.worse] == [0.67]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages, plots and records of this repository."""
    for name in ("docs", "bench/results"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def checked(root: Path) -> int:
    return pages.main(["--check", "--root", str(root)])


def test_the_pages_match_the_newest_records(copy: Path) -> None:
    assert set(pages.records(copy)) == {
        *("compare", "worst", "service", "profile", "scaling", "targets", "jpegli", "sources"),
        *("cache", "engines", "formats", "rest", "savings", "ssimulacra2", "ssimulacra2-scores"),
        *("many-cores", "overhead", "container", "guard", "soak", "efforts", "near-lossless"),
    }
    assert checked(copy) == 0
    texts = [(copy / name).read_text() for name in pages.PAGES]
    for name in pages.TABLES:
        assert any(f"<!-- {name}:begin -->\n" in text for text in texts), name


def test_an_edited_number_is_found_in_every_page(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {copy / name: (copy / name).read_text() for name in pages.PAGES}
    for page, text in texts.items():
        start = text.index(":begin -->")
        at = next(i for i in range(start, len(text)) if text[i].isdigit())
        page.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])
    assert checked(copy) == 1
    said = capsys.readouterr().err
    assert said.splitlines() == [
        f"{page}: does not match bench/results: run python -m bench.pages" for page in texts
    ]
    assert pages.main(["--root", str(copy)]) == 0
    assert {page: page.read_text() for page in texts} == texts
    assert checked(copy) == 0


def test_a_record_without_its_page_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newest = pages.records(copy)["scaling"]
    write(replace(newest, date="2999-01-01T00:00:00Z"), copy / "bench/results")
    assert checked(copy) == 1
    assert "plots of scaling are stale" in capsys.readouterr().err
    assert pages.main(["--root", str(copy)]) == 0
    assert checked(copy) == 0


def scaled() -> Record:
    sizes = [
        Measure(WHAT, "dssim", "webp", size, value, value, value, "s")
        for size, value in (("0.50", 1.0), ("1.50", 3.0))
    ]
    busy = [
        Measure("processor time an image", "service", "jpeg", f"{n} cores", t, t, t, "ms", count=n)
        for n, t in ((1, 10.0), (2, 12.5))
    ]
    return record_of("scaling", [*sizes, *busy], {})


def test_capacity_follows_its_formula() -> None:
    one = scaled()
    assert contention(one) == 1.25
    page = capacity.page(one, Cluster(machines=2, cores=4, price=0.5, utilisation=0.5))
    # 2 s between the sizes, 2.5 s with all cores busy; 2 x 4 x 0.5 x 86400 core-seconds.
    assert "| WebP, effort 4 | dssim | 2.50 | 69,120 | 138,240 | 174 |" in page
    assert "= 345,600 / core-seconds an image" in page


def test_capacity_has_no_numbers_beyond_the_measured_sizes() -> None:
    assert "| WebP, effort 4 | dssim | – | – | – | – |" in capacity.page(
        scaled(), Cluster(megapixels=5.0)
    )


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--machines", "0"], "--machines"),
        (["--price", "-1"], "--price"),
        (["--utilisation", "1.5"], "--utilisation"),
        (["--record", "nowhere.json"], "nowhere.json"),
    ],
)
def test_an_impossible_cluster_is_refused(
    arguments: list[str], field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        capacity.main(arguments)
    assert field in capsys.readouterr().err
