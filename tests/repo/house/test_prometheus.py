"""Prometheus is unpacked if it is missing; if that fails, the error says what to install."""

from __future__ import annotations

import os
from pathlib import Path

from tests.commands import ROOT, run

SCRIPT = ROOT / "tools/install-prometheus.sh"
TOOLS = ("prometheus", "promtool")


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def only(tmp_path: Path, **programs: str) -> str:
    """A PATH with what every shell script takes for granted, and `programs`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "cat", "id", "install", "ln", "mkdir", "mktemp", "rm", "env", "sh"):
        (folder / name).symlink_to(next(Path(each) / name for each in os.environ["PATH"].split(":")
                                        if (Path(each) / name).exists()))  # fmt: skip
    for name, text in programs.items():
        program(folder / name.replace("_", "-"), text)
    return str(folder)


def test_what_is_on_the_path_is_taken(tmp_path: Path) -> None:
    path = only(tmp_path, prometheus="echo mine", promtool="echo mine")
    run(SCRIPT, tmp_path / "there", env={"PATH": path})
    for name in TOOLS:
        assert run(tmp_path / "there" / name) == "mine\n"


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    for name in TOOLS:
        program(tmp_path / name, "echo old")
    run(SCRIPT, tmp_path, env={"PATH": only(tmp_path)})
    assert run(tmp_path / "promtool") == "old\n"


def test_without_debian_the_package_is_named(tmp_path: Path) -> None:
    said = run(SCRIPT, tmp_path / "there", env={"PATH": only(tmp_path)}, status=1)
    assert "prometheus and promtool are needed" in said
    assert "apt-get install prometheus" in said


def test_a_user_without_permission_to_fetch_the_lists_sees_the_error_of_apt(tmp_path: Path) -> None:
    path = only(
        tmp_path,
        apt_get="echo 'E: Unable to locate package prometheus' >&2; exit 100",
        dpkg_deb="exit 1",
    )
    (Path(path) / "id").unlink()
    program(Path(path) / "id", "echo 1000")
    said = run(SCRIPT, tmp_path / "there", env={"PATH": path}, status=1)
    assert "apt-get install prometheus" in said
    assert "Unable to locate package" in said
