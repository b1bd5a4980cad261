"""The command explains itself, and reports errors in one sentence."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from autoquality_train.cli.main import cli
from tests.commands import python
from tests.networks import constant_graph
from tests.repo.training.helpers import corpus, run


def failed(*arguments: str) -> str:
    """The output of a command that ends with exit code 1, without a traceback."""
    done = run(*arguments)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    return " ".join(done.output.split())


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_every_option_has_a_help_text(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    command = cli.commands[name]
    assert command.help
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert all(one.help for one in options)


def test_an_empty_corpus_is_reported(tmp_path: Path) -> None:
    assert "no images found" in failed("label", str(tmp_path), "--out", str(tmp_path / "sweeps"))


def test_unreadable_files_are_reported_by_name(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"no image")
    output = failed("label", str(tmp_path), "--out", str(tmp_path / "sweeps"))
    assert "one.png: not a readable image" in output
    assert "no images found" in output


def test_a_folder_that_is_not_writable_is_reported_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    images = str(corpus(tmp_path / "corpus", 1))
    output = failed("label", images, "--out", str(tmp_path / "file" / "sweeps"))
    assert "is not writable" in output


def test_a_corpus_that_is_too_small_is_reported(tmp_path: Path) -> None:
    images = str(corpus(tmp_path / "corpus", 2))
    output = failed("run", images, "--out", str(tmp_path / "out"), "--quick")
    assert "3 images to train on are too few; use at least 8" in output


def test_a_folder_without_networks_is_reported(tmp_path: Path) -> None:
    images = str(corpus(tmp_path / "corpus", 1))
    folders = ("--sweeps", str(tmp_path), "--networks", str(tmp_path))
    output = failed("report", images, *folders, "--out", str(tmp_path / "report"))
    assert "contains none of autoquality-jpeg.pb" in output


def test_an_unusable_network_is_reported(tmp_path: Path) -> None:
    images = str(corpus(tmp_path / "corpus", 1))
    (tmp_path / "autoquality-webp.pb").write_bytes(b"no graph")
    folders = ("--sweeps", str(tmp_path), "--networks", str(tmp_path))
    output = failed("report", images, *folders, "--out", str(tmp_path / "report"))
    assert "autoquality-webp.pb: not a TensorFlow frozen graph" in output


def test_images_without_labels_are_reported(tmp_path: Path) -> None:
    images = str(corpus(tmp_path / "corpus", 1))
    constant_graph(tmp_path / "autoquality-webp.pb", [0.0] * 100)
    folders = ("--sweeps", str(tmp_path), "--networks", str(tmp_path))
    output = failed("report", images, *folders, "--out", str(tmp_path / "report"))
    assert "2 skipped" in output
    assert "no image is swept at every quality" in output


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    done = run("run", str(tmp_path), "--out", str(tmp_path), "--formats", "webp,gif")
    assert done.exit_code == 2
    assert "'gif' is none of jpeg, webp, avif" in done.output


@pytest.mark.parametrize("missing", ["click", "jinja2", "matplotlib", "pyvips"])
def test_a_missing_library_is_reported_with_its_extra(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from autoquality_train.__main__ import main\nmain()"
    )
    done = python(program, status=1)
    assert f"{missing} is missing: pip install 'autoquality[train]'" in done.stderr
    assert "Traceback" not in done.stderr
