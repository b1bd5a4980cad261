"""The command tells what it does, and what is wrong in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from autoquality_train.cli.main import cli
from tests.networks import constant_graph
from tests.repo.training.corpora import corpus


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def failed(*arguments: str) -> str:
    """What the command says as it ends with exit code 1, and no traceback."""
    done = run(*arguments)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    return " ".join(done.output.split())


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_every_option_has_its_help(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    command = cli.commands[name]
    assert command.help
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert all(one.help for one in options)


def test_an_empty_corpus_is_told_of(tmp_path: Path) -> None:
    assert "no images there" in failed("label", str(tmp_path), "--out", str(tmp_path / "sweeps"))


def test_a_corpus_of_unreadable_files_is_told_of_with_the_files(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"no image")
    told = failed("label", str(tmp_path), "--out", str(tmp_path / "sweeps"))
    assert "one.png: not an image that can be read" in told
    assert "no images there" in told


def test_a_folder_that_cannot_be_written_to_is_told_of_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    images = str(corpus(tmp_path / "corpus", 1))
    told = failed("label", images, "--out", str(tmp_path / "file" / "sweeps"))
    assert "cannot be written to" in told


def test_too_small_a_corpus_is_told_of(tmp_path: Path) -> None:
    images = str(corpus(tmp_path / "corpus", 2))
    told = failed("run", images, "--out", str(tmp_path / "out"), "--quick")
    assert "3 images to train on are too few; 8 is the least" in told


def test_a_folder_without_networks_is_told_of(tmp_path: Path) -> None:
    images = str(corpus(tmp_path / "corpus", 1))
    folders = ("--sweeps", str(tmp_path), "--networks", str(tmp_path))
    told = failed("report", images, *folders, "--out", str(tmp_path / "report"))
    assert "none of autoquality-jpeg.pb" in told


def test_a_network_that_cannot_be_used_is_told_of(tmp_path: Path) -> None:
    images = str(corpus(tmp_path / "corpus", 1))
    (tmp_path / "autoquality-webp.pb").write_bytes(b"no graph")
    folders = ("--sweeps", str(tmp_path), "--networks", str(tmp_path))
    told = failed("report", images, *folders, "--out", str(tmp_path / "report"))
    assert "autoquality-webp.pb: not a TensorFlow frozen graph" in told


def test_images_that_are_not_labelled_are_told_of(tmp_path: Path) -> None:
    images = str(corpus(tmp_path / "corpus", 1))
    constant_graph(tmp_path / "autoquality-webp.pb", [0.0] * 100)
    folders = ("--sweeps", str(tmp_path), "--networks", str(tmp_path))
    told = failed("report", images, *folders, "--out", str(tmp_path / "report"))
    assert "2 left out" in told
    assert "no image is swept at every quality" in told


def test_a_format_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    done = run("run", str(tmp_path), "--out", str(tmp_path), "--formats", "webp,gif")
    assert done.exit_code == 2
    assert "'gif' is none of jpeg, webp, avif" in done.output


@pytest.mark.parametrize("missing", ["click", "jinja2", "matplotlib", "pyvips"])
def test_a_missing_library_is_told_of_with_the_extra_that_brings_it(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from autoquality_train.__main__ import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"{missing} is missing: pip install 'autoquality[train]'" in done.stderr
    assert "Traceback" not in done.stderr
