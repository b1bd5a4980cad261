"""One record against the one before: what got worse comes first, and nothing is left out.

python -m bench.record.changes OLD.json NEW.json
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.record.measure import Measure
from bench.record.store import Record, read

TOLERANCE = 0.03
"""The part of a number that may change without being told as better or worse."""

_SHOWN = 12


@dataclass(frozen=True)
class Change:
    """A measure that two records have. `worse` is by which part of the old number; < 0: better."""

    old: Measure
    new: Measure
    worse: float


@dataclass(frozen=True)
class Changes:
    """Everything that differs between two records, the worst first."""

    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    alike: int
    gone: tuple[Measure, ...]
    missed: tuple[Measure, ...]
    drift: float | None
    """By which part others' processor time moved, which nothing here changes: how busy the machine
    was. None between different machines."""


def changes(old: Record, new: Record, tolerance: float = TOLERANCE) -> Changes:
    """Compare; between different machines only what means the same on both."""
    before = {one.name: one for one in old.measures}
    after = {one.name: one for one in new.measures}
    elsewhere = old.machine != new.machine
    both = [
        Change(before[name], one, _worse_by(before[name], one))
        for name, one in after.items()
        if name in before and one.better != "neither" and (one.portable or not elsewhere)
    ]
    # Ratios, counts and shares before times, which move with whatever else the machine does.
    both.sort(key=lambda change: (not change.new.portable, -change.worse))
    worse = tuple(one for one in both if one.worse > tolerance)
    better = tuple(
        sorted(
            (one for one in both if one.worse < -tolerance),
            key=lambda change: (not change.new.portable, change.worse),
        )
    )
    return Changes(
        worse,
        better,
        len(both) - len(worse) - len(better),
        tuple(one for name, one in before.items() if name not in after),
        misses(new),
        None if elsewhere else _drift(before, after),
    )


def misses(record: Record) -> tuple[Measure, ...]:
    """The measures beyond what is wanted of them."""
    return tuple(one for one in record.measures if one.kept is False)


def told(found: Changes, old: Record) -> str:
    """For people: worse, gone, missed, then what is better."""
    lines = [f"Compared with {old.commit} of {old.date}:"]
    if found.drift is None:
        lines.append("  measured on another machine: only ratios, counts and shares are compared")
    elif found.drift:
        lines.append(
            f"  others' processor time moved by {found.drift:+.0%}: so much the machine did"
        )
    lines += [f"  {len(found.worse)} worse, {len(found.better)} better, {found.alike} alike"]
    lines += [f"  WORSE  {_line(one)}" for one in found.worse]
    lines += [f"  GONE   {one.title}: was {one.value:g} {one.unit}" for one in found.gone]
    lines += missed_lines(found.missed)
    lines += [f"  better {_line(one)}" for one in found.better[:_SHOWN]]
    if len(found.better) > _SHOWN:
        lines.append(f"  better {len(found.better) - _SHOWN} more")
    return "\n".join(lines)


def missed_lines(missed: tuple[Measure, ...]) -> list[str]:
    """One line for each limit that is not kept."""
    return [
        f"  MISSED {one.title}: {one.value:g} {one.unit}, wanted "
        f"{'at least' if one.better == 'higher' else 'at most'} {one.wanted:g}"
        for one in missed
    ]


def _drift(
    before: dict[tuple[str, str, str, str], Measure],
    after: dict[tuple[str, str, str, str], Measure],
) -> float:
    moved = [
        one.value / before[name].value - 1
        for name, one in after.items()
        if one.what == "processor time" and one.better == "neither" and name in before
    ]
    return statistics.median(moved) if moved else 0.0


def _worse_by(old: Measure, new: Measure) -> float:
    rise = new.value - old.value
    if rise == 0:
        return 0.0
    part = rise / abs(old.value) if old.value else math.copysign(math.inf, rise)
    return -part if new.better == "higher" else part


def _line(change: Change) -> str:
    old, new = change.old, change.new
    part = f"{abs(change.worse):.0%}" if math.isfinite(change.worse) else "from nothing"
    return f"{new.title}: {old.value:g} -> {new.value:g} {new.unit} ({part})"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="a part, as 0.03")
    args = parser.parse_args()
    if not 0 <= args.tolerance < 1:
        parser.error("--tolerance is a part from 0 to 1, for example 0.03")
    try:
        old, new = read(args.old), read(args.new)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if old.bench != new.bench:
        parser.error(f"{args.old} is of {old.bench}, {args.new} of {new.bench}")
    found = changes(old, new, args.tolerance)
    print(told(found, old))
    return 1 if found.worse or found.gone else 0


if __name__ == "__main__":
    sys.exit(main())
