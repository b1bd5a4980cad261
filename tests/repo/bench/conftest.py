"""Fixtures for the tests of the benchmarks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.compare.commands import FOLDER
from tests.commands import ROOT
from tests.photos import crop


@pytest.fixture(scope="session")
def rivals() -> Path:
    """The programs to compare with, installed if they are missing."""
    if not (FOLDER / "guetzli").is_file():
        subprocess.run(["tools/install-rivals.sh", str(FOLDER.parent)], cwd=ROOT, check=True)
    return FOLDER


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with one tiny photograph."""
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "coffee.png").write_bytes(crop("coffee.png", 64, 48))
    return folder
