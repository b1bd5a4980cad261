"""Which images of a package become part of the corpus."""

from __future__ import annotations

import os
import random
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoquality_train.cli.main import cli
from autoquality_train.corpus import debian
from autoquality_train.corpus.debian import Source, choose
from tests.photos import crop


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An unpacked package: one picture in two sizes, a page twice, an icon, a damaged file."""
    for name, content in {
        "share/sky/small.png": crop("coffee.png", 200, 200),
        "share/sky/large.png": crop("coffee.png", 300, 220),
        "share/doc/page.png": crop("astronaut.png", 200, 210),
        "share/doc/again.png": crop("astronaut.png", 200, 210),
        "share/doc/icon.png": crop("coffee.png", 48, 48),
        "share/doc/broken.png": b"no image",
        "share/doc/readme.txt": b"words",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path


def chosen(package: Path, source: Source, seen: set[str] | None = None) -> set[str]:
    seen = set() if seen is None else seen
    return {path.name for path in choose(source, package, random.Random(1), seen)}


def test_icons_damaged_files_and_copies_are_skipped(package: Path) -> None:
    found = chosen(package, Source("made", "photos", ("*",)))
    assert len(found) == 3
    assert {"small.png", "large.png"} < found
    assert len(found & {"page.png", "again.png"}) == 1


def test_an_image_is_taken_only_once(package: Path) -> None:
    seen: set[str] = set()
    assert chosen(package, Source("made", "photos", ("*/sky/*",)), seen)
    assert chosen(package, Source("made", "graphics", ("*/sky/*",)), seen) == set()


def test_patterns_select_images(package: Path) -> None:
    source = Source("made", "photos", ("*.png",), leave=("*/doc/*", "*small*"))
    assert chosen(package, source) == {"large.png"}


def test_only_the_largest_size_of_a_picture_is_taken(package: Path) -> None:
    assert chosen(package, Source("made", "photos", ("*/sky/*",), largest=True)) == {"large.png"}


def test_a_cap_limits_the_images_reproducibly(package: Path) -> None:
    source = Source("made", "photos", ("*",), cap=2)
    assert len(chosen(package, source)) == 2
    assert chosen(package, source) == chosen(package, source)


def test_a_missing_apt_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(cli, ["corpus", str(tmp_path / "corpus")])
    assert done.exit_code == 1
    assert "apt-get is missing; this needs Debian 12's tools" in done.output


@pytest.fixture
def tools(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tools in place of apt-get and dpkg-deb; the first download of a package is interrupted."""
    archive = tmp_path / "made.tar"
    with tarfile.open(archive, "w") as packed:
        packed.add(package / "share", "share")
    commands = {
        "apt-get": f"[ -e made_1_all.deb ] && cp {archive} made_1_all.deb && exit 0\n"
        "echo half > made_1_all.deb; exit 100",
        "dpkg-deb": 'exec tar -xf "$2" -C "$3"',
    }
    for name, lines in commands.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{lines}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(debian, "SOURCES", (Source("made", "photos", ("*",), cap=1),))
    monkeypatch.setattr(debian, "PACKAGES", ["made"])
    return tmp_path


def gathered(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["corpus", str(folder), *options])


def test_an_interrupted_download_is_continued(tools: Path) -> None:
    interrupted = gathered(tools / "corpus")
    assert interrupted.exit_code == 1
    assert interrupted.output.startswith("downloading 1 of 1 packages (2 GB in all) to")
    done = gathered(tools / "corpus")
    assert done.exit_code == 0, done.output
    assert f"{tools / 'corpus' / 'images' / 'photos'}: 1" in done.output
    assert "downloading" not in gathered(tools / "corpus").output


def test_another_seed_replaces_the_images_of_the_first(tools: Path) -> None:
    gathered(tools / "corpus")
    own = tools / "corpus" / "images" / "photos" / "own.png"
    found = set()
    for seed in range(4):
        assert gathered(tools / "corpus", "--seed", str(seed)).exit_code == 0
        own.write_bytes(b"stays")
        (image,) = set(own.parent.iterdir()) - {own}
        found.add(image.name)
    assert len(found) > 1
