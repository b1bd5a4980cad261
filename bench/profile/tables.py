"""The profile as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from bench.compare.task import NAMES
from bench.profile.libraries import SIDES, libraries
from bench.profile.slices import SLICES
from bench.record.markdown import NOTHING, made, number, table
from bench.record.measure import Measure
from bench.record.store import Record

SMALL = 0.03
"""Functions below this part of a request are not told; slices have their part told from it on."""


def page(record: Record) -> str:
    """What every slice takes."""
    size = record.arguments["megapixels"]
    return (
        f"One request for a JPEG of {size} megapixels, medians of {record.arguments['repeats']}; "
        f"qualities 10 to 95, DSSIM 0.02 ± 0.001, the budget 1 % above what quality 65 comes to, "
        f"none at 65. {made(record)}.\n\n{slices(record)}"
    )


def whole(record: Record) -> str:
    """The same, and which functions: for those who know the code."""
    return (
        f"{page(record)}\n\nFunctions with {SMALL:.0%} and more of a request by Python's "
        "profiler, which slows down Python and not what is native; native time is that of "
        f"whatever calls it:\n\n{calls(record)}"
    )


def requests(record: Record) -> Iterator[tuple[Measure, dict[str, float]]]:
    """Every request, and its slices that took any time, in milliseconds."""
    for total in record.find(what="request"):
        found = record.find(what="stage", setting=total.setting, goal=total.goal)
        yield total, {one.by: one.value for one in found if one.value > 0}


def slices(record: Record) -> str:
    """One line a request, one column a slice: milliseconds, and its part."""
    known = {name for _, parts in requests(record) for name in parts}
    columns = [name for name in SLICES if name in known] + sorted(known - set(SLICES))
    rows = []
    for total, parts in requests(record):
        by = libraries(record, total.goal, total.setting)
        cells = [_cell(parts.get(name), total.value) for name in columns]
        encoder, decoder = (by.get(stage, NOTHING) for stage in SIDES)
        title = NAMES.get(total.setting, total.setting)
        rows.append((total.goal, title, encoder, decoder, number(total.value), *cells))
    return table(("method", "setting", "encoder", "decoder of the result", "ms", *columns), rows)


def _cell(milliseconds: float | None, total: float) -> str:
    if milliseconds is None:
        return NOTHING
    part = milliseconds / total
    return number(milliseconds) if part < SMALL else f"{number(milliseconds)} ({part:.0%})"


def calls(record: Record) -> str:
    """One line a function."""
    rows = [
        (one.goal, one.setting, f"`{one.by}`", f"{one.value:.0%}")
        for one in record.find(what="function")
    ]
    return table(("method", "setting", "function", "part"), rows)
