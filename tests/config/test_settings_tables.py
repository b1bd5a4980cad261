"""The tables in the documents agree with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoquality_server.config.settings import SPECS
from tools.settings_tables import BEGIN, END, full_tables, main

ROOT = Path(__file__).parents[2]


def test_the_tables_of_this_repository_are_up_to_date() -> None:
    assert main(["--check"]) == 0


def test_the_page_of_this_repository_has_its_tables() -> None:
    assert full_tables() in (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_every_name_of_every_setting_is_in_the_full_tables() -> None:
    tables = full_tables()
    for spec in SPECS:
        assert all(f"`{name}`" in tables for name in (spec.variable, spec.flag, *spec.aliases))


def test_checking_finds_a_outdated_table_and_updating_fixes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "configuration.md"
    page.parent.mkdir()
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert "configuration.md: the tables are out of date" in capsys.readouterr().err
    assert "old" in page.read_text()
    assert main(["--root", str(tmp_path)]) == 0
    assert main(["--check", "--root", str(tmp_path)]) == 0
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n## Serving\n\n| Variable |")
    assert text.endswith(f"|\n{END}\nafter\n")


def test_pages_without_markers_are_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "configuration.md"
    page.parent.mkdir()
    page.write_text("nothing to fill in\n")
    assert main(["--root", str(tmp_path)]) == 0
    assert page.read_text() == "nothing to fill in\n"
