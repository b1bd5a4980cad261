"""The profile as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from bench.compare.task import ALL_NAMES
from bench.profile.libraries import SIDES, libraries
from bench.profile.stages import STAGES, title
from bench.record.markdown import NOTHING, made, number, table
from bench.record.store import Measure, Record

SMALL = 0.03
"""The least share of a request for a function to be listed and a stage to show its share."""


def page(record: Record) -> str:
    """The time of every stage."""
    size = record.arguments["megapixels"]
    return (
        f"One request for a JPEG of {size} megapixels, medians of {record.arguments['repeats']}; "
        f"qualities 10 to 95, DSSIM 0.02 ± 0.001, SSIMULACRA2 70 ± 1, a budget 1 % above the size "
        f"at quality 65, and quality 65 for none. {made(record)}.\n\n{stages(record)}"
    )


def whole(record: Record) -> str:
    """The page and the slowest functions, for developers."""
    return (
        f"{page(record)}\n\nFunctions with {SMALL:.0%} and more of a request by Python's "
        "profiler. It slows down Python but not native code, and counts native time for the "
        f"calling function:\n\n{calls(record)}"
    )


def requests(record: Record) -> Iterator[tuple[Measure, dict[str, float]]]:
    """Every request with the milliseconds of its stages, without those at zero."""
    for total in record.find(what="request"):
        found = record.find(what="stage", setting=total.setting, goal=total.goal)
        yield total, {one.by: one.value for one in found if one.value > 0}


def stages(record: Record) -> str:
    """One row for each request, one column for each stage: milliseconds and share."""
    known = {name for _, parts in requests(record) for name in parts}
    columns = [name for name in STAGES if name in known] + sorted(known - set(STAGES))
    rows = []
    for total, parts in requests(record):
        by = libraries(record, total.goal, total.setting)
        cells = [_cell(parts.get(name), total.value) for name in columns]
        encoder, decoder = (by.get(stage, NOTHING) for stage in SIDES)
        setting = ALL_NAMES.get(total.setting, total.setting)
        rows.append((total.goal, setting, encoder, decoder, number(total.value), *cells))
    header = ("method", "setting", "encoder", "decoder of the result", "ms", *map(title, columns))
    return table(header, rows)


def _cell(milliseconds: float | None, total: float) -> str:
    if milliseconds is None:
        return NOTHING
    part = milliseconds / total
    return number(milliseconds) if part < SMALL else f"{number(milliseconds)} ({part:.0%})"


def calls(record: Record) -> str:
    """One row for each function."""
    rows = [
        (one.goal, one.setting, f"`{one.by}`", f"{one.value:.0%}")
        for one in record.find(what="function")
    ]
    return table(("method", "setting", "function", "part"), rows)
