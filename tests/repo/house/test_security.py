"""What SECURITY.md says is tested, is."""

from __future__ import annotations

import re

from tests.commands import ROOT


def test_every_test_that_the_threat_table_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "SECURITY.md").read_text()))
    assert len(named) > 30
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in sorted(named) if f"def {name}(" not in tests] == []


def test_every_row_of_the_threat_table_names_a_test() -> None:
    table = re.findall(r"^\| .* \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)[2:]
    assert [row for row in table if "`test_" not in row] == []
