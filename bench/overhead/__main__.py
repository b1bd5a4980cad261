"""Measures what the service adds to the codec, for a small JPEG with method none.

python -m bench.overhead                    three minutes
python -m bench.overhead --before COMMIT    four minutes: the same for an earlier commit, alongside
python -m bench.overhead --quick            half a minute
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.command import amounts_of, parser
from bench.overhead import tables
from bench.overhead.earlier import commit_of, unpacked
from bench.overhead.runs import measured
from bench.record import FOLDER, QUICK_FOLDER, record_of
from bench.record.changes import finish

WHOLE = {"runs": 3, "rounds": 5, "seconds": 1.5}
QUICK = {"runs": 1, "rounds": 3, "seconds": 1.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record and print the changes."""
    given = parser("bench.overhead", __doc__)
    given.add_argument("--quick", action="store_true", help="one short run")
    given.add_argument("--runs", type=int, help="each starts the servers (default: 3)")
    given.add_argument("--rounds", type=int, help="in each run (default: 5)")
    given.add_argument("--seconds", type=float, help="of each load (default: 1.5)")
    given.add_argument("--before", help="an earlier commit, measured in the same rounds")
    given.add_argument("--results", type=Path, help="the folder for the record")
    args = given.parse_args(arguments)
    defaults = QUICK if args.quick else WHOLE
    chosen = amounts_of(given, args, defaults)
    try:
        before = commit_of(args.before) if args.before else None
    except ValueError as error:
        given.error(f"--before: {error}")
    packages = unpacked(before) if before else ()
    busy = os.getloadavg()[0]
    runs, rounds = int(chosen["runs"]), int(chosen["rounds"])
    measures = list(measured(runs, rounds, chosen["seconds"], packages))
    note = f"load average of the machine before the first run: {busy:.1f}"
    record = record_of("overhead", measures, {**chosen, "before": before}, notes=[note])
    folder = args.results or (QUICK_FOLDER if args.quick else FOLDER)
    return finish(record, tables.page(record), folder)


if __name__ == "__main__":
    sys.exit(main())
