"""Scaling as Markdown."""

from __future__ import annotations

from bench.compare.task import ALL_NAMES
from bench.record.markdown import NOTHING, made, number, table
from bench.record.store import Record
from bench.scaling.load import MEGAPIXELS, TARGET
from bench.scaling.megapixels import METHODS, WHAT


def page(record: Record) -> str:
    """The whole page."""
    skipped = "\n".join(f"* {note}" for note in record.notes)
    return "\n\n".join(
        part
        for part in (
            f"{made(record)}.",
            "Processor time in seconds by megapixels, qualities 10 to 95:",
            by_size(record),
            skipped and f"Skipped because they take too long:\n\n{skipped}",
            f"By number of callers, each with a JPEG of {MEGAPIXELS} megapixels, `{TARGET}`:",
            by_number(record, "callers"),
            "By cores of the server, with one worker and two callers a core:",
            by_number(record, "cores"),
        )
        if part
    )


def sizes(record: Record) -> list[str]:
    """The measured sizes in megapixels, as text."""
    return sorted({one.goal for one in record.find(what=WHAT)}, key=float)


def by_size(record: Record) -> str:
    """One line for each setting and method, one column for each size."""
    columns = sizes(record)
    rows = []
    for setting, name in ALL_NAMES.items():
        for method in METHODS:
            found = {one.goal: one for one in record.find(what=WHAT, by=method, setting=setting)}
            if found:
                cells = [
                    number(found[size].value) if size in found else NOTHING for size in columns
                ]
                rows.append((name, method, *cells))
    return table(("setting", "method", *(f"{float(size):g} MP" for size in columns)), rows)


def by_number(record: Record, what: str) -> str:
    """One line for each number of callers or cores."""
    some = [one for one in record.measures if one.goal.endswith(f" {what}")]
    names = list(dict.fromkeys(one.what for one in some))
    goals = sorted({one.goal for one in some}, key=lambda goal: int(goal.split()[0]))
    rows = []
    for goal in goals:
        cells = [
            f"{number(one.value)} {one.unit}"
            for name in names
            for one in some
            if (one.what, one.goal) == (name, goal)
        ]
        rows.append((goal.split()[0], *cells))
    return table((what, *names), rows)
