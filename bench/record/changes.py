"""Compares two records of a benchmark: regressions first, and every missing measure.

python -m bench.record.changes OLD.json NEW.json
"""

from __future__ import annotations

import math
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.command import parser
from bench.record.store import Measure, Record, latest, read, write

TOLERANCE = 0.03
"""Relative changes up to this count as equal."""

_SHOWN = 12


@dataclass(frozen=True)
class Change:
    """A measure of both records; `worse` is its relative change, below 0 if it is better."""

    old: Measure
    new: Measure
    worse: float


@dataclass(frozen=True)
class Changes:
    """The differences between two records, the worst first."""

    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    equal: int
    gone: tuple[Measure, ...]
    missed: tuple[Measure, ...]
    drift: float | None
    """The relative change of other tools' processor time, which shows how busy the machine was.
    None between different machines."""


def changes(old: Record, new: Record, tolerance: float = TOLERANCE) -> Changes:
    """Compare two records. Between different machines, only portable measures count."""
    before = {one.name: one for one in old.measures}
    after = {one.name: one for one in new.measures}
    other_machine = old.machine != new.machine
    both = [
        Change(before[name], one, _worse_by(before[name], one))
        for name, one in after.items()
        if name in before and one.better != "neither" and (one.portable or not other_machine)
    ]
    # Ratios, counts and shares first: times also depend on other work of the machine.
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
        None if other_machine else _drift(before, after),
    )


def misses(record: Record) -> tuple[Measure, ...]:
    """The measures beyond their limits."""
    return tuple(one for one in record.measures if one.within_limit is False)


def report(found: Changes, old: Record) -> str:
    """The differences as text: worse, missing and missed measures, then better ones."""
    lines = [f"Compared with {old.commit} of {old.date}:"]
    if found.drift is None:
        lines.append("  measured on another machine: only ratios, counts and shares are compared")
    elif found.drift:
        lines.append(
            f"  other tools' processor time changed by {found.drift:+.0%}: the machine's load"
        )
    lines += [f"  {len(found.worse)} worse, {len(found.better)} better, {found.equal} equal"]
    lines += [f"  WORSE  {_line(one)}" for one in found.worse]
    lines += [f"  GONE   {one.title}: was {one.value:g} {one.unit}" for one in found.gone]
    lines += missed_lines(found.missed)
    lines += [f"  better {_line(one)}" for one in found.better[:_SHOWN]]
    if len(found.better) > _SHOWN:
        lines.append(f"  better {len(found.better) - _SHOWN} more")
    return "\n".join(lines)


def missed_lines(missed: tuple[Measure, ...]) -> list[str]:
    """One line for each measure beyond its limit."""
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


def finish(record: Record, page: str, folder: Path) -> int:
    """Print the changes since the last comparable record, and the page; write the record.

    Returns the exit status 0: numbers depend on the machine, so people judge regressions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = latest(record.bench, folder, like=record)
    if before is None:
        print(f"{folder} has no earlier record with these arguments to compare with.")
        print("\n".join(missed_lines(misses(record))))
    else:
        print(report(changes(before, record), before))
    print(f"\n{page}\n")
    print(f"Written: {write(record, folder)}", file=sys.stderr)
    return 0


def main() -> int:
    given = parser("bench.record.changes", __doc__)
    given.add_argument("old", type=Path)
    given.add_argument("new", type=Path)
    given.add_argument(
        "--tolerance", type=float, default=TOLERANCE, help="relative change (default: 0.03)"
    )
    args = given.parse_args()
    if not 0 <= args.tolerance < 1:
        given.error("--tolerance must be from 0 to 1, for example 0.03")
    try:
        old, new = read(args.old), read(args.new)
    except (OSError, ValueError) as error:
        given.error(str(error))
    if old.bench != new.bench:
        given.error(f"{args.old} is of {old.bench}, {args.new} of {new.bench}")
    found = changes(old, new, args.tolerance)
    print(report(found, old))
    return 1 if found.worse or found.gone else 0


if __name__ == "__main__":
    sys.exit(main())
