"""The benchmark of the overhead measures real servers with the load generator in Go."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.load import LoadFailed, load
from bench.overhead import tables
from bench.overhead.__main__ import main as overhead_main
from bench.overhead.earlier import commit_of
from bench.overhead.runs import CODEC, CORRECTED, CPU, ECHO, RATE, RATIO, SERVICE, WAIT
from bench.record import read
from tests.photos import photo_path


def test_the_service_is_compared_with_its_codec_and_an_echo(tmp_path: Path) -> None:
    tiny = ["--runs", "1", "--rounds", "1", "--seconds", "0.3"]
    assert overhead_main([*tiny, "--results", str(tmp_path)]) == 0
    (file,) = tmp_path.iterdir()
    record = read(file)
    waits = {one.by: one.value for one in record.find(what=WAIT)}
    assert 0 < waits[ECHO] < waits[SERVICE]
    used = {one.by: one.value for one in record.find(what=CPU, goal="1 caller")}
    assert used[ECHO] < used[CODEC] < used[SERVICE]
    assert {one.by for one in record.find(what=RATE, goal="8 callers")} == {CODEC, ECHO, SERVICE}
    for what in (RATIO, CORRECTED):
        (one,) = record.find(what=what)
        assert one.by == SERVICE and one.value > 0 and one.wanted
    page = tables.page(record)
    assert "| measured | with | bare codec | gRPC echo | service | unit |" in page
    assert "load average" in page


def test_a_server_that_is_not_there_fails_the_load() -> None:
    with pytest.raises(LoadFailed, match=r"cannot reach 127\.0\.0\.1:1"):
        load("127.0.0.1:1", photo_path("coffee.png"), 1, 0.1, "-timeout=300ms")


def test_the_commit_before_must_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(commit_of("HEAD")) >= 8
    with pytest.raises(SystemExit):
        overhead_main(["--before", "no-such-commit"])
    assert "--before: git knows no commit 'no-such-commit'" in capsys.readouterr().err
