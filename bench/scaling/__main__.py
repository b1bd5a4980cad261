"""Measures how cost grows with the image, the callers and the cores.

python -m bench.scaling            20 minutes
python -m bench.scaling --quick    two minutes
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from autoquality_train.labels.sweeps import SETTINGS
from bench.command import parser
from bench.record import FOLDER, QUICK_FOLDER, record_of
from bench.record.changes import finish
from bench.scaling import tables
from bench.scaling.load import callers, cores, numbers_of_cores
from bench.scaling.megapixels import megapixels

SIZES = (0.1, 0.3, 1.0, 3.0, 10.0, 25.0)
CALLERS = (1, 2, 4, 8, 16, 32, 64)


def command_line() -> argparse.ArgumentParser:
    """The command line."""
    found = parser("bench.scaling", __doc__)
    found.add_argument("--quick", action="store_true", help="small images, few callers")
    found.add_argument("--megapixels", nargs="+", type=float, help="sizes, rising")
    found.add_argument("--settings", nargs="+", choices=tuple(SETTINGS), default=list(SETTINGS))
    found.add_argument("--patience", type=float, help="seconds for one encoding (default: 20)")
    found.add_argument("--repeats", type=int, help="of each size (default: 3)")
    found.add_argument("--callers", nargs="+", type=int, help="(default: 1 2 4 8 16 32 64)")
    found.add_argument("--seconds", type=float, help="for each number of callers (default: 10)")
    found.add_argument("--results", type=Path, help="the folder for the record")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record and print the changes."""
    given = command_line()
    args = given.parse_args(arguments)
    quick = args.quick
    chosen = {
        "megapixels": args.megapixels or ([0.1, 0.3, 1.0] if quick else list(SIZES)),
        "settings": args.settings,
        "patience": args.patience or (5.0 if quick else 20.0),
        "repeats": args.repeats or (1 if quick else 3),
        "callers": args.callers or ([1, 2, 8] if quick else list(CALLERS)),
        "seconds": args.seconds or (1.5 if quick else 10.0),
    }
    sizes = chosen["megapixels"]
    if sizes != sorted(set(sizes)) or not 0.01 <= sizes[0] <= sizes[-1] <= 100:
        given.error("--megapixels: rising, from 0.01 to 100")
    if not all(1 <= one <= 128 for one in chosen["callers"]):
        given.error("--callers: 1 to 128 each")
    for name in ("patience", "repeats", "seconds"):
        if chosen[name] <= 0:
            given.error(f"--{name}: must be above 0")

    notes: list[str] = []
    by_size = megapixels(
        *(sizes, args.settings, chosen["patience"], chosen["repeats"]), notes.append
    )
    measures = [
        *by_size,
        *callers(chosen["callers"], chosen["seconds"]),
        *cores(numbers_of_cores(), chosen["seconds"]),
    ]
    record = record_of("scaling", measures, chosen, notes=notes)
    folder = args.results or (QUICK_FOLDER if quick else FOLDER)
    return finish(record, tables.page(record), folder)


if __name__ == "__main__":
    sys.exit(main())
