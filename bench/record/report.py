"""What every bench does at its end: show, compare with the run before, keep."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.record.changes import changes, missed_lines, misses, told
from bench.record.store import Record, latest, write


def finish(record: Record, page: str, folder: Path) -> int:
    """Print what got worse and then everything, write the record; the exit status.

    A limit that is not kept and a change for the worse are told, never an
    error: numbers move with the machine, and it is for people to judge.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = latest(record.bench, folder, like=record)
    if before is None:
        print(f"No earlier record of the same in {folder}: nothing to compare with.")
        print("\n".join(missed_lines(misses(record))))
    else:
        print(told(changes(before, record), before))
    print(f"\n{page}\n")
    print(f"Written: {write(record, folder)}", file=sys.stderr)
    return 0
