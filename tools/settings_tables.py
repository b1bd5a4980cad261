"""Writes the settings as Markdown tables, so that the documents stay correct.

`python -m tools.settings_tables` rewrites the tables between the markers; with `--check`
it changes nothing, and fails if they are out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from autoquality_server.config.settings import SPECS

BEGIN = "<!-- configuration:begin -->"
END = "<!-- configuration:end -->"

PAGE = Path("docs/configuration.md")
_ROOT = Path(__file__).parents[1]


def full_tables() -> str:
    """Return every setting, one table per group."""
    parts = []
    for name, specs in groupby(SPECS, key=lambda spec: spec.group):
        rows = (
            (
                _code(spec.variable),
                _code(spec.flag),
                _code(spec.default_text),
                "<br>".join(map(_code, spec.aliases)),
                spec.meaning,
            )
            for spec in specs
        )
        header = ("Variable", "Flag", "Default", "imgproxy's name", "Meaning")
        parts.append(f"## {name}\n\n{_table(header, rows)}")
    return "\n\n".join(parts)


def rendered(text: str, table: str) -> str:
    """Put `table` between the markers of `text`; without markers it stays as it is."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return text
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """Update the tables, or check them; returns 1 if they are out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.settings_tables")
    parser.add_argument("--check", action="store_true", help="fail if the tables are out of date")
    parser.add_argument("--root", type=Path, default=_ROOT, help="the repository")
    options = parser.parse_args(arguments)
    page = options.root / PAGE
    current = page.read_text(encoding="utf-8")
    updated = rendered(current, full_tables())
    if updated == current:
        return 0
    if options.check:
        sys.stderr.write(f"{page}: the tables are out of date: run `{parser.prog}`\n")
        return 1
    page.write_text(updated, encoding="utf-8")
    sys.stdout.write(f"{page}: updated\n")
    return 0


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines
    )


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    sys.exit(main())
