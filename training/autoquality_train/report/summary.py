"""The Markdown file: the tables, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoquality_train.report import tables
from autoquality_train.report.tables import Table


def summary(found: Mapping[str, Any]) -> str:
    """The whole file."""
    about = found["about"]
    parts = [
        "# How good the networks are",
        f"Judged on {', '.join(about['judged'])}, {about['made']}.",
        _table(tables.overview(found["formats"])),
    ]
    for fmt, one in found["formats"].items():
        parts.append(f"# {tables.NAMES[fmt]}")
        made = (tables.misses, tables.guesses, tables.iterations)
        parts += [_table(table(one["groups"])) for table in made]
    parts.append("# Where the numbers come from")
    parts.append("\n".join(_lines(about)))
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    lines = [
        f"## {table.title}",
        "",
        table.caption,
        "",
        f"| {' | '.join(table.columns)} |",
        f"| {' | '.join('---' for _ in table.columns)} |",
        *(f"| {' | '.join(row)} |" for row in table.rows),
    ]
    return "\n".join(lines)


def _lines(about: Mapping[str, Any]) -> list[str]:
    lines = [
        f"- {name}: {network['file']}, SHA-256 {network['sha256']}"
        for name, network in about["networks"].items()
    ]
    lines += [f"- seed of {what}: {seed}" for what, seed in about["seeds"].items()]
    for heading in ("versions", "machine"):
        told = ", ".join(f"{name} {value}" for name, value in about[heading].items())
        lines.append(f"- {heading}: {told}")
    if about["skipped"]:
        lines.append(f"- left out: {len(about['skipped'])} (see report.json)")
    return lines
