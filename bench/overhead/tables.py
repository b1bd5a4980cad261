"""The overhead as Markdown: one column for each way, before and after side by side."""

from __future__ import annotations

from bench.overhead.runs import BEFORE, CODEC, ECHO, SERVICE
from bench.record.markdown import NOTHING, cell, made, table
from bench.record.store import Record

_UNITS = {"x": "×", "share": ""}


def page(record: Record) -> str:
    """All measures, one line each."""
    before = record.arguments.get("before")
    columns = [CODEC, ECHO, *([BEFORE] if before else []), SERVICE]
    titles = [f"before ({before})" if one == BEFORE else one for one in columns]
    lines = list(dict.fromkeys((one.what, one.goal, one.unit) for one in record.measures))
    rows = []
    for what, goal, unit in lines:
        cells = [cell(record.one(what=what, goal=goal, by=by)) for by in columns]
        if any(one != NOTHING for one in cells):
            rows.append((what, goal, *cells, _UNITS.get(unit, unit)))
    count = max((one.count for one in record.measures), default=0)
    about = f"{made(record)}. Medians of {count} rounds in {record.arguments['runs']} runs"
    notes = "".join(f"; {one}" for one in record.notes)
    return f"{about}{notes}.\n\n{table(('measured', 'with', *titles, 'unit'), rows)}"
