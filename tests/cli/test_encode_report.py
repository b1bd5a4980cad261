"""`autoquality encode`: its reports of results and failures."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest

from autoquality._cli import session
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb
from tests.cli.conftest import Run


def test_each_failure_is_one_line_and_does_not_stop_the_others(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    server.respond(Fault.invalid("image", "is not an image", "IMAGE_UNREADABLE"))
    taken = tmp_path / "afolder.avif"
    taken.mkdir()
    (tmp_path / "afolder.jpg").write_bytes(b"photo")
    result = run(
        *("encode", photos / "a.jpg", photos / "nothing.jpg", tmp_path / "afolder.jpg"),
        *(photos / "trip" / "c.webp", "--format", "avif", "--jobs", 1, "--force"),
    )
    assert result.exit_code == 1
    assert (photos / "trip" / "c.avif").exists()
    lines = [line for line in result.stderr.splitlines() if line.startswith("autoquality: ")]
    assert lines == [
        f"autoquality: {photos}/a.jpg: image: is not an image",
        f"autoquality: {photos}/nothing.jpg: cannot be read: No such file or directory",
        f"autoquality: {tmp_path}/afolder.jpg: cannot write {taken}: Is a directory",
    ]
    assert list(tmp_path.rglob("*.tmp")) == []


def test_a_name_or_a_message_cannot_break_the_line_or_control_the_terminal(
    run: Run, tmp_path: Path, server: FakeServer
) -> None:
    source = tmp_path / "a\x1b[31m\nb.jpg"
    source.write_bytes(b"photo")
    server.respond(Fault(grpc.StatusCode.INTERNAL, "two\nlines \x1b[0m"))
    result = run("encode", source, "--format", "webp")
    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_name_is_printed_as_it_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / ":smile:[red].jpg").write_bytes(b"photo")
    result = run("encode", tmp_path, tmp_path / ":cat:.jpg", "-o", tmp_path, "--format", "webp")
    assert f"{tmp_path}/:smile:[red].webp " in result.stdout
    assert f"{tmp_path}/:cat:.jpg: " in result.stderr


def test_the_table_has_a_row_per_result_and_the_totals(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    server.respond_always(
        pb.EncodeResponse(
            image=bytes(500),
            size_bytes=500,
            format=pb.FORMAT_WEBP,
            quality=77,
            dssim=0.0123,
            iterations=3,
            outcome=pb.OUTCOME_TARGET_MET,
        )
    )
    result = run("encode", photos, "-o", tmp_path / "o", "--format", "webp", "--jobs", 1)
    row = next(line for line in result.stdout.splitlines() if "a.webp" in line)
    cells = [cell.strip() for cell in row.split("│")[2:-1]]
    assert cells == [*("5.0 kB", "500 bytes", "90.0 %", "webp", "77", "0.01230", "3", "target met")]
    # 5000 + 5000 + 11000 bytes became 1500.
    total = next(line for line in result.stdout.splitlines() if "3 images" in line)
    cells = [cell.strip() for cell in total.split("│")[2:5]]
    assert cells == ["21.0 kB", "1.5 kB", "92.9 %"]
    assert result.stderr == ""


def test_on_a_narrow_terminal_the_table_becomes_lines(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_WIDTH", 80)
    monkeypatch.chdir(tmp_path)
    Path("[").mkdir()
    for name in ("[/a].jpg", f"{'b' * 30}.jpg"):
        Path(name).write_bytes(b"photo")
    result = run("encode", ".", "-o", "o", "--format", "webp", "--target", "high")
    lines = [line for line in result.stdout.splitlines() if ": source 5 bytes, " in line]
    assert [line.partition(":")[0] for line in lines] == [f"o/{'b' * 30}.webp", "o/[/a].webp"]
    assert all(line.endswith(", outcome target met") for line in lines)
    assert result.stdout.splitlines()[-1].startswith("2 images: source 10 bytes, ")
    monkeypatch.setattr(session, "_WIDTH", 150)
    assert "│ o/[/a].webp" in run("encode", ".", "-o", "o", "-f", "webp", "--force").stdout


def test_the_table_has_a_column_for_each_metric_that_was_measured(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    def headings(*options: str) -> list[str]:
        arguments = ("encode", photos / "a.jpg", "-o", tmp_path / "o.webp", "--force", *options)
        first = run(*arguments).stdout.splitlines()[1]
        return [cell.strip() for cell in first.split("┃")[6:-3]]

    assert headings("--quality", "70") == ["quality"]
    assert headings("--target", "high") == ["quality", "SSIMULACRA2"]
    assert headings("--quality", "70", "--measure") == ["quality", "DSSIM", "SSIMULACRA2"]


def test_verbose_prints_the_scores_of_each_probe(
    run: Run, photos: Path, server: FakeServer
) -> None:
    result = run("-v", "encode", photos / "a.jpg", "--format", "webp", "--target", "high")
    assert "applied ssimulacra2:70:10:95:1; probes " in result.stderr
    assert ", SSIMULACRA2 " in result.stderr and "DSSIM" not in result.stderr


def test_a_lossy_alpha_quality_is_shown_with_the_quality(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    probes = [pb.Probe(quality=40, size_bytes=900, alpha_quality=alpha) for alpha in (100, 20)]
    server.respond_always(
        pb.EncodeResponse(
            image=bytes(500),
            size_bytes=500,
            format=pb.FORMAT_WEBP,
            quality=40,
            alpha_quality=20,
            probes=probes,
        )
    )
    arguments = ("encode", photos / "a.jpg", "-o", tmp_path / "o.webp", "--format", "webp")
    result = run("-v", *arguments)
    row = next(line for line in result.stdout.splitlines() if "o.webp" in line)
    assert "40, alpha 20" in row
    assert "probes 40 (900 bytes), 40, alpha 20 (900 bytes)" in result.stderr
    done = json.loads(run(*arguments, "--force", "--json").stdout)
    assert done["alpha_quality"] == 20
    assert [one["alpha_quality"] for one in done["probes"]] == [100, 20]


def test_a_default_range_that_prevents_the_target_is_named_with_its_option(
    run: Run, photos: Path
) -> None:
    result = run("encode", photos / "a.jpg", "--format", "webp", "--method", "dssim:0")
    assert "set max_quality (--max)" in result.stderr


def test_notices_are_printed_on_stderr(run: Run, photos: Path) -> None:
    result = run("encode", photos / "a.jpg", "--format", "webp", "--method", "ml")
    assert "no network for this format" in result.stderr


def test_verbose_prints_the_request_the_settings_and_the_probes(
    run: Run, photos: Path, server: FakeServer
) -> None:
    result = run("-v", "encode", photos / "a.jpg", "--format", "avif", "--method", "dssim")
    request_id = str(server.requests[-1].metadata["x-request-id"])
    assert f"request {request_id}; applied dssim:0.02:60:65:0.001; probes 6" in result.stderr


def test_json_is_one_object_a_line_with_these_keys(
    run: Run, photos: Path, tmp_path: Path, server: FakeServer
) -> None:
    server.respond(Fault.invalid("image", "is not an image", "IMAGE_UNREADABLE"))
    result = run(
        *("encode", photos / "a.jpg", photos / "b.PNG", "-o", tmp_path / "out"),
        *("--format", "webp", "--method", "dssim", "--json", "--jobs", 1),
    )
    assert result.exit_code == 1
    *_, warning = result.stderr.splitlines()
    assert warning.endswith(
        "b.PNG: the result is larger than its source, 13.4 kB instead of 5.0 kB"
    )
    failed, done = (json.loads(line) for line in result.stdout.splitlines())
    assert failed == {
        "source": str(photos / "a.jpg"),
        "ok": False,
        "error": "image: is not an image",
        "code": "INVALID_ARGUMENT",
        "reason": "IMAGE_UNREADABLE",
        "field_violations": [
            {"field": "image", "description": "is not an image", "reason": "IMAGE_UNREADABLE"}
        ],
        "request_id": server.requests[-2].metadata["x-request-id"],
    }
    size = (tmp_path / "out" / "b.webp").stat().st_size
    assert list(done) == [
        *("source", "ok", "output", "source_bytes", "size_bytes", "saved_percent", "format"),
        *("quality", "alpha_quality", "dssim", "ssimulacra2", "iterations", "outcome", "applied"),
        *("predicted_quality", "probes", "timings", "notices", "width", "height", "frames"),
        *("lossless", "near_lossless", "candidates", "request_id"),
    ]
    assert done["output"] == str(tmp_path / "out" / "b.webp")
    assert (done["source_bytes"], done["size_bytes"]) == (5000, size)
    assert done["saved_percent"] == round(100 * (1 - size / 5000), 2)
    assert done["applied"]["method"] == "dssim"
    assert len(done["probes"]) == done["iterations"]
    assert done["timings"]["total"] > 0


def test_results_are_printed_in_the_order_of_the_sources(
    run: Run, tmp_path: Path, server: FakeServer
) -> None:
    names = [f"{number}.jpg" for number in range(9)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    result = run("encode", tmp_path, "--format", "webp", "--json", "--jobs", 4)
    printed = [Path(json.loads(line)["source"]).name for line in result.stdout.splitlines()]
    assert printed == names
