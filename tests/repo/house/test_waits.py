"""The tests themselves never wait without a limit: one that fails must not hang."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.commands import ROOT

ENDLESS = {"wait", "join", "result", "exception", "communicate", "get"}
"""Methods of events, threads, futures, processes and queues that wait forever without arguments."""

HANGING_ON_PURPOSE = {ROOT / "tests/faults/faulty.py"}


def endless_waits(path: Path) -> list[str]:
    """The calls without arguments of such methods, as "file:line"."""
    return [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and not node.args and not node.keywords
        if isinstance(node.func, ast.Attribute) and node.func.attr in ENDLESS
    ]


def test_every_wait_has_a_limit() -> None:
    """`tests/waiting.py` has waits that fail with a reason."""
    files = set((ROOT / "tests").rglob("*.py")) - HANGING_ON_PURPOSE
    assert [wait for path in sorted(files) for wait in endless_waits(path)] == []
