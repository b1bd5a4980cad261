"""The profile as Markdown."""

from __future__ import annotations

from bench.record.markdown import made, number, table
from bench.record.store import Record

SMALL = 0.03
"""Slices below this part of a request are told together."""


def page(record: Record) -> str:
    """What every stage takes, then which functions."""
    size = record.arguments["megapixels"]
    return (
        f"One request for a JPEG of {size} megapixels, medians of {record.arguments['repeats']}; "
        f"qualities 10 to 95, DSSIM 0.02 ± 0.001. {made(record)}.\n\n{stages(record)}\n\n"
        f"Functions with {SMALL:.0%} and more of a request by Python's profiler, which slows down "
        f"Python and not what is native:\n\n{calls(record)}"
    )


def stages(record: Record) -> str:
    """One line a slice, the largest first; what is small together."""
    rows = []
    for total in record.find(what="request"):
        found = record.find(what="stage", setting=total.setting, goal=total.goal)
        found.sort(key=lambda one: -one.value)
        large = [one for one in found if one.value >= SMALL * total.value]
        small = sum(one.value for one in found if one not in large)
        told = [(one.by, one.value) for one in large]
        for name, value in [("whole request", total.value), *told, ("all smaller", small)]:
            rows.append(
                (total.goal, total.setting, name, number(value), f"{value / total.value:.0%}")
            )
    return table(("method", "format", "slice", "ms", "part"), rows)


def calls(record: Record) -> str:
    """One line a function."""
    rows = [
        (one.goal, one.setting, f"`{one.by}`", f"{one.value:.0%}")
        for one in record.find(what="function")
    ]
    return table(("method", "format", "function", "part"), rows)
