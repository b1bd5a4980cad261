"""What a run prints: the progress, the summary, and its JSON."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autoquality._batch.report import _MAX_FAILURES, _clock
from autoquality._batch.run import MAX_COMMON_FAILURES
from autoquality._batch.summary import Histogram, summarize
from autoquality.testing import FakeServer, Fault, answer, png_image
from autoquality.v1 import encoding_pb2 as pb
from tests.batch.conftest import Run, encoded, lines

DONE = {"ok": True, "outcome": "target_met", "source_bytes": 100, "dssim": None}


def test_a_histogram_counts_every_value_once_also_at_its_edges() -> None:
    histogram = Histogram((0, 10, 20, 30))
    for value in (-5, -0.1, 0, 9.9, 10, 20, 29, 30):
        histogram.add(value)
    assert (histogram.below, histogram.counts) == (2, [2, 1, 3])
    assert histogram.rows() == [("below 0", 2), ("0 to 10", 2), ("10 to 20", 1), ("20 to 30", 3)]


def test_a_histogram_shows_the_ranges_between_its_values_only() -> None:
    histogram = Histogram((0, 1, 2, 3, 4))
    histogram.add(1)
    histogram.add(3.5)
    assert histogram.rows() == [("1 to 2", 1), ("2 to 3", 0), ("3 to 4", 1)]
    assert Histogram((0, 1)).rows() == []


def test_the_edges_of_every_histogram_rise() -> None:
    line = {**DONE, "size_bytes": 25, "ssimulacra2": 71.0, "dssim": 0.01}
    histograms = summarize([line]).as_json()["histograms"]
    assert histograms.keys() == {"saved_percent", "ssimulacra2", "dssim"}
    for histogram in histograms.values():
        assert histogram["edges"] == sorted(set(histogram["edges"]))


def test_the_time_left_is_in_hours_minutes_and_seconds() -> None:
    shown = [_clock(seconds) for seconds in (0, 59.4, 59.6, 3600, 100_000)]
    assert shown == ["0:00:00", "0:00:59", "0:01:00", "1:00:00", "27:46:40"]


def test_a_summary_adds_up_lines() -> None:
    records = [
        {**DONE, "size_bytes": 20, "ssimulacra2": 71.0},
        {**DONE, "size_bytes": 150, "ssimulacra2": -3.0, "outcome": "min_quality_reached"},
        {"ok": False, "outcome": "failed", "reason": None, "code": "STORAGE"},
    ]
    fields = summarize(records).as_json()
    assert fields["files"] == 3
    assert fields["outcomes"] == {"target_met": 1, "min_quality_reached": 1, "failed": 1}
    assert fields["failures"] == {"STORAGE": 1}
    assert (fields["source_bytes"], fields["size_bytes"]) == (200, 170)
    assert fields["saved_percent"] == 15.0
    saved, scores = fields["histograms"]["saved_percent"], fields["histograms"]["ssimulacra2"]
    assert (saved["below"], saved["counts"][8], sum(saved["counts"])) == (1, 1, 1)
    assert (scores["below"], sum(scores["counts"])) == (1, 1)
    assert "dssim" not in fields["histograms"]


def test_a_run_without_a_result_saved_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    bytes_line = "bytes     0 bytes to 0 bytes, 0.0 % saved\n"
    assert bytes_line in run(source="nothing").stdout
    assert json.loads(run("--json", source="nothing").stdout)["saved_percent"] == 0


def test_the_summary_is_of_the_whole_manifest(run: Run, photos: Path) -> None:
    (photos / "a.png").rename(photos.parent / "a.png")
    run()
    (photos.parent / "a.png").rename(photos / "a.png")
    done = run("--json")
    assert done.exit_code == 0, done.output
    fields = json.loads(done.stdout)
    counts = {"done": 1, "failed": 0, "skipped": 4, "skipped_failed": 0, "not_tried": 0}
    counts["linked_folders"] = 0
    assert fields["this_run"] == counts
    assert fields["files"] == 5
    sizes = [line["size_bytes"] for line in lines(Path(fields["manifest"]))]
    assert fields["size_bytes"] == sum(sizes)


def test_only_the_first_failures_are_printed(run: Run, photos: Path, server: FakeServer) -> None:
    server.respond_always(Fault.invalid("image", "is odd", "IMAGE_UNREADABLE"))
    for number in range(MAX_COMMON_FAILURES):
        (photos / f"{number}.png").write_bytes(png_image(7, 7))
    done = run()
    assert done.exit_code == 1
    printed = done.stderr.splitlines()
    assert len(printed) == _MAX_FAILURES + 1
    assert printed[-1] == "autoquality: the manifest has further failures"


@pytest.mark.parametrize("first", [answer, Fault.invalid("image", "is odd", "IMAGE_UNREADABLE")])
def test_options_that_the_server_refuses_for_all_further_files_end_the_run(
    run: Run, photos: Path, server: FakeServer, first: Any
) -> None:
    for number in range(2 * MAX_COMMON_FAILURES):
        (photos / f"{number}.png").write_bytes(png_image(7, 7))
    server.respond(first)
    server.respond_always(Fault.invalid("quality", "is for METHOD_NONE only"))
    done = run("--in-flight", "1")
    assert done.exit_code == 1
    refusal = "quality: is for method none only"
    assert f"{MAX_COMMON_FAILURES} files in a row failed: {refusal}" in done.stderr
    assert encoded(server) == 1 + MAX_COMMON_FAILURES


def test_the_longest_bar_of_a_histogram_is_40_wide(
    run: Run, photos: Path, server: FakeServer
) -> None:
    scores = iter((72, 72, 72, 77, 77))

    def scored(request: pb.EncodeRequest) -> pb.EncodeResponse:
        response = answer(request)
        assert isinstance(response, pb.EncodeResponse)
        response.ssimulacra2 = next(scores)
        return response

    server.respond_always(scored)
    shown = run("--in-flight", "1").stdout
    assert re.search(r"ssimulacra2:\n +70 to 75 +3 +#{40}\n +75 to 80 +2 +#{27}\n", shown), shown


def test_quiet_prints_errors_only(run: Run, photos: Path) -> None:
    assert run("--quiet").output == ""


@pytest.mark.parametrize("missing", ["fsspec", "fcntl"])
def test_without_its_extra_or_off_posix_it_says_so(missing: str) -> None:
    code = f"""import sys; sys.modules[{missing!r}] = None
from autoquality.__main__ import main
sys.argv[1:] = ["batch", "in", "out"]
main()"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    needed = {"fsspec": "pip install 'autoquality[batch]'", "fcntl": "POSIX"}[missing]
    assert needed in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_terminal_shows_the_rate_the_bytes_saved_and_the_time_left(
    server: FakeServer, photos: Path
) -> None:
    server.delay = 0.5
    terminal, slave = pty.openpty()
    command = [sys.executable, "-m", "autoquality", "batch", photos, photos.parent / "small"]
    command += ["--server", server.target, "--format", "webp", "--in-flight", "1"]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**os.environ, "no_proxy": "127.0.0.1", "COLUMNS": "150"},
        check=True,
        text=True,
    )
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # its end
        while block := os.read(terminal, 100_000):
            shown += block
    os.close(terminal)
    state = r" of 5 files, \d+\.\d a second, .* saved, 0:00:\d\d left"
    assert re.search(state, shown.decode())
    assert "5 done, 0 failed" in done.stdout
