"""The benches run as their help says, and print their tables."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.photos import crop
from tests.servers import running_server

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "coffee.png").write_bytes(crop("coffee.png", 64, 48))
    return folder


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


def test_oracle_compares_the_search_with_every_quality(images: Path, tmp_path: Path) -> None:
    table = run("bench.oracle", str(images), "--sweeps", str(tmp_path / "sweeps"))
    assert table.count("| 100.0% |") == 12


def test_the_dssim_kernel_is_timed_beside_the_others(images: Path) -> None:
    table = run("bench.dssim_kernel", str(images / "coffee.png"), "--repeats", "1")
    for name in ("scikit-image", "five OpenCV blurs", "stride 1"):
        assert name in table
