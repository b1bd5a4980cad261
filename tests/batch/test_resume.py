"""A run processes what is due, and nothing else: also after a kill."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autoquality.testing import FakeServer, Fault, png_image
from tests.batch.conftest import MANIFEST, Run, encoded, lines
from tests.waiting import LIMIT, until


def test_a_second_run_processes_nothing(run: Run, photos: Path, server: FakeServer) -> None:
    first = run()
    assert first.exit_code == 0, first.output
    written = {path: path.read_bytes() for path in Path("small").rglob("*") if path.is_file()}
    second = run()
    assert second.exit_code == 0, second.output
    assert encoded(server) == 5
    assert "0 done, 0 failed" in second.stdout
    assert "skipped   5 files" in second.stdout
    assert {path: path.read_bytes() for path in written} == written


def test_a_line_has_the_source_the_options_and_the_proof(
    run: Run, photos: Path, server: FakeServer
) -> None:
    run()
    with server.client() as client:
        answer = client.encode(photos / "trip/d.png", format="webp", target="high")
    (line,) = [one for one in lines(Path("small") / MANIFEST) if one["source"].endswith("d.png")]
    assert line["source"] == (photos / "trip/d.png").as_uri()
    assert line["output"] == Path("small/trip/d.webp").absolute().as_uri()
    assert Path("small/trip/d.webp").read_bytes() == answer.image
    options = {"method": "METHOD_SSIMULACRA2", "target": 70}
    assert line["options"] == {"format": "FORMAT_WEBP", "auto_quality": options}
    facts = ("outcome", "format", "quality", "size_bytes", "dssim", "ssimulacra2")
    assert [line[name] for name in facts] == [getattr(answer, name) for name in facts]
    assert line["server"] == server.target
    assert line["source_bytes"] == (photos / "trip/d.png").stat().st_size
    assert len(line["sha256"]) == 64


def test_new_and_changed_sources_are_due(run: Run, photos: Path, server: FakeServer) -> None:
    run()
    (photos / "a.png").write_bytes(png_image(99, 9))
    (photos / "new.png").write_bytes(png_image(98, 9))
    assert "2 done, 0 failed" in run().stdout
    assert encoded(server) == 7
    assert run().exit_code == 0
    assert encoded(server) == 7


def test_a_source_written_again_with_the_same_content_is_read_once_and_not_encoded(
    run: Run, photos: Path, server: FakeServer
) -> None:
    run()
    (photos / "a.png").write_bytes((photos / "a.png").read_bytes())
    assert "0 done, 0 failed" in run().stdout
    manifest = lines(Path("small") / MANIFEST)
    assert len(manifest) == 6
    run()
    assert lines(Path("small") / MANIFEST) == manifest
    assert encoded(server) == 5


@pytest.mark.parametrize("change", [("--min", 5), ("--format", "jpeg"), ("--keep-metadata",)])
def test_other_options_make_files_due(
    run: Run, photos: Path, server: FakeServer, change: tuple[object, ...]
) -> None:
    run()
    assert "5 done" in run(*change).stdout
    run(*change)
    assert encoded(server) == 10


def test_another_way_to_write_the_same_options_makes_none_due(
    run: Run, photos: Path, server: FakeServer
) -> None:
    run()
    run("--method", "ssimulacra2", "--target", "70.0")
    assert encoded(server) == 5


def test_another_destination_makes_files_due(run: Run, photos: Path, server: FakeServer) -> None:
    run("--manifest", "m.jsonl")
    run("--manifest", "m.jsonl", dest="small2")
    assert encoded(server) == 10
    assert sum(path.is_file() for path in Path("small2").rglob("*")) == 5


def test_failed_files_are_tried_again_only_on_request(
    run: Run, photos: Path, server: FakeServer
) -> None:
    server.respond(Fault.invalid("image", "is odd", "IMAGE_UNREADABLE"))
    first = run()
    assert first.exit_code == 1
    assert "image: is odd" in first.stderr
    assert "failures  1 IMAGE_UNREADABLE" in first.stdout
    (line,) = [one for one in lines(Path("small") / MANIFEST) if not one["ok"]]
    assert line["outcome"], line["reason"] == ("failed", "IMAGE_UNREADABLE")

    second = run()
    assert second.exit_code == 1
    assert "1 of them failed: --retry-failed tries them again" in second.stdout
    assert encoded(server) == 5

    third = run("--retry-failed")
    assert third.exit_code == 0
    assert encoded(server) == 6
    assert "outcomes  5 target met\n" in third.stdout


def test_interrupted_it_reports_what_is_done_and_continues_later(
    run: Run, photos: Path, server: FakeServer
) -> None:
    command = [sys.executable, "-m", "autoquality", "batch", "photos", "small", "--in-flight", "1"]
    command += ["--server", server.target, "--format", "webp", "--target", "high"]
    server.delay = 0.2
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(functools.partial(is_larger, Path("small") / MANIFEST, 0))
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, errors) == (130, "autoquality: interrupted\n")
    finished = len(lines(Path("small") / MANIFEST))
    assert f"this run  {finished} done" in output
    assert f"{5 - finished} done, 0 failed" in run().stdout


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def is_larger(path: Path, least: int) -> bool:
    return size(path) > least


def test_killed_at_any_moment_and_started_again_it_loses_no_file_and_repeats_none(
    tmp_path: Path, server: FakeServer
) -> None:
    count, in_flight, kills = 300, 20, 4
    photos, small = tmp_path / "photos", tmp_path / "small"
    photos.mkdir()
    for number in range(count):
        (photos / f"{number:03}.png").write_bytes(png_image(10 + number, 2))
    manifest = small / MANIFEST
    server.delay = 0.01
    command = [sys.executable, "-m", "autoquality", "batch", photos, small, "--format", "webp"]
    command += ["--server", server.target, "--in-flight", str(in_flight), "--quiet"]
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    for part in range(1, kills + 1):
        enough = size(manifest) + 2000 * part
        process = subprocess.Popen(command, env=environment)
        until(functools.partial(is_larger, manifest, enough))
        process.send_signal(signal.SIGKILL)
        assert process.wait(LIMIT) == -signal.SIGKILL, "it was still running"
    assert 0 < len(manifest.read_bytes().splitlines()) < count

    server.delay = 0
    done = subprocess.run(command, env=environment, check=False)
    assert done.returncode == 0
    sources = [line["source"] for line in lines(manifest)]
    assert len(sources) == len(set(sources)) == count
    for line in lines(manifest):
        assert Path(line["output"].removeprefix("file://")).stat().st_size == line["size_bytes"]
    assert len(list(small.iterdir())) == count + 1, "results and the manifest, no temporary files"
    assert count <= encoded(server) <= count + kills * in_flight
