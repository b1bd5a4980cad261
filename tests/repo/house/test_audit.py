"""Committed secrets are found, and shipped packages are listed in a standard format."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.commands import ROOT, run
from tests.repo.house.test_locks import pins


@pytest.fixture(scope="module", autouse=True)
def audit() -> None:
    """The tools, in an environment of their own."""
    run("make", ".venv-audit/.stamp")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository that the check is in, and nothing to complain of."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "requirements").mkdir()
    shutil.copy(ROOT / "tools/check-secrets.sh", tmp_path / "tools")
    shutil.copy(ROOT / "requirements/protos.lock", tmp_path / "requirements")
    (tmp_path / ".venv-audit").symlink_to(ROOT / ".venv-audit")
    (tmp_path / ".gitignore").write_text("/.venv-audit\n")
    run("git", "init", "--quiet", cwd=tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("Private Key", "-----BEGIN " + "RSA PRIVATE KEY-----\n"),
        ("GitHub Token", "at = 'ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx'\n"),
        ("Secret Keyword", "password = 'hunt" + "er2-and-more'\n"),
    ],
)
def test_a_secret_that_is_about_to_be_committed_is_found(copy: Path, kind: str, line: str) -> None:
    check = copy / "tools/check-secrets.sh"
    run(check, cwd=copy)
    (copy / "notes.py").write_text(line)
    assert kind in run(check, cwd=copy, status=123)


def test_the_bill_of_materials_has_every_package_of_the_locks(tmp_path: Path) -> None:
    run("tools/sbom.sh", tmp_path)
    for image in ("server", "slim", "gpu"):
        file = tmp_path / f"{image}.cdx.json"
        told: dict[str, set[str]] = {}
        for component in json.loads(file.read_text())["components"]:
            told.setdefault(component["name"], set()).add(component["version"])
        assert told == pins(ROOT / "requirements" / f"{image}.lock")
