"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.record.store import Measure, Record

NOTHING = "–"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """A number with three significant digits, or all digits before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def made(record: Record) -> str:
    """The commit, date and machine of a record."""
    machine = record.machine
    return (
        f"Commit {record.commit}, {record.date[:10]}, "
        f"{machine['cores']} cores of {machine['processor']}"
    )


def cell(measure: Measure | None, *, spread: bool = True) -> str:
    """A measure with its quartiles and its limit; bold if it is beyond the limit."""
    if measure is None:
        return NOTHING
    if measure.unit == "share":
        text = f"{measure.value:.0%}"
    elif spread and measure.low != measure.high:
        text = f"{number(measure.value)} ({number(measure.low)}–{number(measure.high)})"
    else:
        text = number(measure.value)
    if measure.wanted is None:
        return text
    side = "≥" if measure.better == "higher" else "≤"
    wanted = f"{measure.wanted:.0%}" if measure.unit == "share" else f"{measure.wanted:g}"
    return (
        f"{text}, {side} {wanted}" if measure.within_limit else f"**{text}, not {side} {wanted}**"
    )
