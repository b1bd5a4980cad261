"""The examples in docstrings run."""

from __future__ import annotations

import ast
import re
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autoquality.testing import FakeServer
from tests.photos import photo

ROOT = Path(__file__).parents[2]
PACKAGES = ("client/autoquality", "core", "server", "training")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
EXAMPLE = re.compile(r"(?<=\n\n)    (?:from|import) .*(?:\n(?:    .*)?)*")


NAMES = (
    "client/autoquality/__init__.py",
    "client/autoquality/_async_client.py",
    "client/autoquality/testing/__init__.py",
    "core/autoquality_core/__init__.py",
)


@cache
def examples() -> list[tuple[str, str]]:
    """Each indented block of code that begins with an import, after the name of its file."""
    found: list[tuple[str, str]] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
                codes = EXAMPLE.findall(text or "")
                found += [(str(path.relative_to(ROOT)), textwrap.dedent(one)) for one in codes]
    return found


def test_the_examples_are_found() -> None:
    assert [name for name, _ in examples()] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = dict(examples())[name]
    (tmp_path / "photo.jpg").write_bytes(photo("rocket.jpg"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    names: dict[str, Any] = {}
    with FakeServer() as server:
        exec(compile(code.replace("localhost:50051", server.target), name, "exec"), names)
        for test in [value for key, value in names.items() if key.startswith("test_")]:
            test()
