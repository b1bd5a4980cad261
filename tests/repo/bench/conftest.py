"""Fixtures for the tests of the benchmarks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.compare.commands import FOLDER
from tests.commands import ROOT
from tests.photos import crop

Main = Callable[[list[str]], int]
Refusal = Callable[[Main, list[str]], str]


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


@pytest.fixture
def refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refusal:
    """Run a command that must refuse its arguments; returns what it printed.

    It finds an empty folder `empty` and a file `broken.png`, which is no image.
    """
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.png").write_bytes(b"no image")
    monkeypatch.chdir(tmp_path)

    def refused(main: Main, arguments: list[str]) -> str:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        return capsys.readouterr().err

    return refused
