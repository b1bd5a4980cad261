"""The layers of the code are checked: an import that points up is found and named."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT, run


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages with layers, and their contracts."""
    for name in ("core", "server", "client"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def check(root: Path, status: int = 0) -> str:
    paths = ":".join(str(root / name) for name in ("core", "server", "client"))
    lint = Path(sys.executable).with_name("lint-imports")
    environ = {"PYTHONPATH": paths, "COLUMNS": "200"}
    return run(lint, "--no-cache", env=environ, cwd=root, status=status)


def test_the_code_keeps_its_layers(copy: Path) -> None:
    check(copy)


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("server/autoquality_server/config/parse.py", "autoquality_server.telemetry.logs"),
        ("server/autoquality_server/auth/rates.py", "autoquality_server.inference.batching"),
        ("server/autoquality_server/admission/capacity.py", "grpc"),
        ("core/autoquality_core/types.py", "autoquality_core.runtime.deadline"),
        ("core/autoquality_core/errors.py", "autoquality_server.config"),
        ("core/autoquality_core/errors.py", "structlog"),
    ],
)
def test_an_import_across_them_is_named(copy: Path, module: str, imported: str) -> None:
    with (copy / module).open("a") as file:
        file.write(f"\nimport {imported}\n")
    said = check(copy, status=1)
    package = Path(module).with_suffix("").as_posix().partition("/")[2].replace("/", ".")
    assert f"{package} -> {imported}" in " ".join(said.split())
