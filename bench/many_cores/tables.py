"""The cores that one process can use, as Markdown."""

from __future__ import annotations

from bench.many_cores.model import ENOUGH
from bench.record.markdown import cell, made, table
from bench.record.store import Record


def page(record: Record) -> str:
    """One line for each request; the columns are cores: the part used, and that of the model."""
    cores = record.arguments["cores"]
    header = ["by", "on", "ms", "ms without codecs", "in Python"]
    header += [*(f"{one} cores" for one in cores), "cores a process"]
    rows = []
    for share in record.find(what="time in Python"):
        same = {"by": share.by, "setting": share.setting}

        def part(what: str, count: int, same: dict[str, str] = same) -> str:
            return cell(record.one(what=what, goal=f"{count} cores", **same))

        times = (
            cell(record.one(what=what, **same))
            for what in ("processor time", "processor time without codecs")
        )

        cells = [
            f"{part('part of the cores used', one)} ({part('the same by the model', one)})"
            for one in cores
        ]
        (most,) = record.find(what="cores a process", **same)
        rows.append((share.by, share.setting, *times, cell(share), *cells, f"{most.value:.0f}"))
    notes = "; ".join(record.notes)
    about = (
        f"{made(record)}; {notes}. The part of its cores that a process uses (and that by the "
        f"model). The last column: the most cores of which it uses {ENOUGH:.0%}."
    )
    return f"{about}\n\n{table(header, rows)}"
