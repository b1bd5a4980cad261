"""Tables, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.record.measure import Measure
from bench.record.store import Record

NOTHING = "–"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Three significant digits, or all that stand before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def made(record: Record) -> str:
    """Of what, when and where a record was made."""
    machine = record.machine
    return (
        f"Commit {record.commit}, {record.date[:10]}, "
        f"{machine['cores']} cores of {machine['processor']}"
    )


def cell(measure: Measure | None, *, spread: bool = True) -> str:
    """A measure with its quartiles; what keeps no limit is bold and says which."""
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
    return f"{text}, {side} {wanted}" if measure.kept else f"**{text}, not {side} {wanted}**"
