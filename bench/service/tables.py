"""The service's measures as Markdown."""

from __future__ import annotations

from bench.record.markdown import cell, made, table
from bench.record.store import Record


def page(record: Record) -> str:
    """Everything, one line a measure."""
    header = ("measured", "of", "on", "by method", "median (quartiles)", "unit")
    rows = [
        (one.what, one.by, one.setting, one.goal, cell(one), _unit(one.unit))
        for one in record.measures
    ]
    return f"{made(record)}.\n\n{table(header, rows)}"


def _unit(unit: str) -> str:
    return {"x": "×", "share": "", "bytes": "bytes a pixel"}.get(unit, unit)
