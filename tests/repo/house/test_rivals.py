"""The programs for benches and tests are unpacked; if that fails, the error says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.compare.commands import PROGRAMS, program_versions
from bench.record.machine import ROOT
from tests.commands import run
from tests.repo.house.test_prometheus import only

SCRIPTS = [ROOT / f"tools/install-{name}.sh" for name in ("rivals", "chromium")]


def path_with(tmp_path: Path, **programs: str) -> str:
    """As `only`, and with what this script takes for granted besides."""
    path = only(tmp_path, **programs)
    for name in ("realpath", "awk"):
        (Path(path) / name).symlink_to(f"/usr/bin/{name}")
    return path


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_without_debian_it_says_what_it_fetches_with(tmp_path: Path, script: Path) -> None:
    said = run(script, tmp_path / "there", env={"PATH": path_with(tmp_path)}, status=1)
    assert "fetched with apt" in said


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_user_without_permission_to_fetch_the_lists_sees_the_error_of_apt(
    tmp_path: Path, script: Path
) -> None:
    path = path_with(
        tmp_path, apt_get="echo 'E: Unable to locate package webp' >&2; exit 100", dpkg_deb="exit 1"
    )
    (Path(path) / "id").unlink()
    (Path(path) / "id").write_text("#!/bin/sh\necho 1000\n")
    (Path(path) / "id").chmod(0o755)
    said = run(script, tmp_path / "there", env={"PATH": path}, status=1)
    assert "apt-get update" in said and "Unable to locate package webp" in said


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_starts_with_the_bundled_libraries(name: str) -> None:
    folder = ROOT / ".tools/rivals/bin"
    assert (folder / name).is_file(), "make rivals"
    told = program_versions(folder)
    assert name == "guetzli" or told[name][0].isdigit()
