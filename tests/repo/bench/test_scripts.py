"""The benchmarks run, and print their tables."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bench.accuracy import independent_dssim
from tests.commands import ROOT
from tests.photos import crop
from tests.servers import running_server


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_accuracy_checks_a_running_server_independently(images: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    with running_server(tmp_path) as server:
        table = run("bench.accuracy", str(images), "--server", server.address, "--json", str(rows))
    assert table.count("| all |") == 6
    for row in json.loads(rows.read_text()):
        assert abs(row["dssim"] - row["independent"]) < 1e-4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_accuracy_checks_an_image_upright(orientation: int) -> None:
    upright = Image.open(io.BytesIO(crop("coffee.png", 64, 48)))
    undone = {6: 8, 8: 6}.get(orientation, orientation)
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    stored = upright.transpose(turns[undone]) if undone in turns else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    source, encoded = io.BytesIO(), io.BytesIO()
    stored.save(source, "PNG", exif=exif)
    upright.save(encoded, "PNG")
    assert independent_dssim(source.getvalue(), encoded.getvalue()) == 0


def test_oracle_compares_the_search_with_every_quality(images: Path, tmp_path: Path) -> None:
    table = run("bench.oracle", str(images), "--sweeps", str(tmp_path / "sweeps"))
    searches = [line for line in table.splitlines() if line.startswith("| jpeg")]
    assert searches
    shares = [float(line.split("|")[3].strip().rstrip("%")) for line in searches]
    assert sum(shares) / len(shares) > 95, "the pieces are small, so their curves may fall far"


def test_short_cuts_of_the_metric_are_compared_with_every_window(images: Path) -> None:
    table = run("bench.metric_choices", str(images))
    for name in ("sampled windows", "JPEG: Y channel", "AVIF: repeated chroma"):
        assert f"| {name} | " in table


def test_what_borders_change_is_measured_for_every_format_and_metric(images: Path) -> None:
    (images / "coffee.png").write_bytes(crop("coffee.png", 256, 208))
    table = run("bench.metric_choices", "--border", str(images))
    assert table.count("| 3 |") == 6
    assert 0 < float(table.rpartition("ssimulacra2, all formats: ")[2]) < 0.2


def test_the_dssim_kernel_is_timed_against_other_methods(images: Path) -> None:
    table = run("bench.dssim_kernel", str(images / "coffee.png"), "--repeats", "1")
    for name in ("scikit-image", "five OpenCV blurs", "stride 1"):
        assert name in table


def test_predictions_are_timed_in_batches_and_one_by_one() -> None:
    short = ("--callers", "1", "3", "--seconds", "0.05", "--repeats", "1")
    table = run("bench.prediction_batching", *short)
    assert "| callers | one by one: a second |" in table and "batches, 0 us" in table
    assert len([line for line in table.splitlines() if line.startswith(("| 1 |", "| 3 |"))]) == 2


def test_sizing_measures_a_real_server() -> None:
    small = ("--megapixels", "0.1", "--large", "0.1", "--calls", "1", "--networks", "none")
    table = run("bench.sizing", *small)
    assert "Processor time for 0.10 megapixels" in table
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert len([row for row in rows if row.startswith(("| none |", "| size |", "| dssim |"))]) == 9
    assert len([row for row in rows if row.startswith(("| jpeg |", "| webp |", "| avif |"))]) == 3
