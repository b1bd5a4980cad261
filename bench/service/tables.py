"""The service's measures as Markdown."""

from __future__ import annotations

from bench.record.markdown import cell, made, table
from bench.record.store import Record
from bench.service.memory import MANY, SERIES


def page(record: Record) -> str:
    """All measures, one line each; the series over requests is only plotted."""
    header = ("measured", "of", "on", "by method", "median (quartiles)", "unit")
    rows = [
        (one.what, one.by, one.setting, one.goal, cell(one), _unit(one.unit))
        for one in record.measures
        if one.what != SERIES
    ]
    few = record.arguments["requests"]
    short = "" if few >= MANY else f" Memory was measured over {few} requests, not over {MANY}."
    return f"{made(record)}.{short}\n\n{table(header, rows)}"


def _unit(unit: str) -> str:
    return {"x": "×", "share": "", "bytes": "bytes a pixel"}.get(unit, unit)
