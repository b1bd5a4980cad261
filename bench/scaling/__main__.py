"""How cost grows, from the command line.

python -m bench.scaling            half an hour
python -m bench.scaling --quick    two minutes
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from autoquality_train.sweeps import SETTINGS
from bench.record import FOLDER, record_of
from bench.record.machine import ROOT
from bench.record.report import finish
from bench.scaling import tables
from bench.scaling.callers import callers
from bench.scaling.cores import cores, numbers
from bench.scaling.megapixels import megapixels

SIZES = (0.1, 0.3, 1.0, 3.0, 10.0, 25.0, 50.0)
CALLERS = (1, 2, 4, 8, 16, 32, 64)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m bench.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("--quick", action="store_true", help="small images, few callers")
    found.add_argument("--megapixels", nargs="+", type=float, help="sizes, rising")
    found.add_argument("--settings", nargs="+", choices=tuple(SETTINGS), default=list(SETTINGS))
    found.add_argument("--patience", type=float, help="seconds for one encoding (default: 30)")
    found.add_argument("--repeats", type=int, help="of each size (default: 3)")
    found.add_argument("--callers", nargs="+", type=int, help="default: 1 2 4 8 16 32 64")
    found.add_argument("--seconds", type=float, help="for each number of callers (default: 10)")
    found.add_argument("--results", type=Path, help="folder for the record")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record, tell what changed."""
    command_line = parser()
    args = command_line.parse_args(arguments)
    quick = args.quick
    sizes = args.megapixels or ([0.1, 0.3, 1.0] if quick else list(SIZES))
    many = args.callers or ([1, 2, 8] if quick else list(CALLERS))
    patience = args.patience or (5.0 if quick else 30.0)
    repeats = args.repeats or (1 if quick else 3)
    seconds = args.seconds or (1.5 if quick else 10.0)
    if sizes != sorted(set(sizes)) or not 0.01 <= sizes[0] <= sizes[-1] <= 100:
        command_line.error("--megapixels: rising, from 0.01 to 100")
    if not all(1 <= one <= 128 for one in many):
        command_line.error("--callers: 1 to 128 each")
    for name, value in (("patience", patience), ("repeats", repeats), ("seconds", seconds)):
        if value <= 0:
            command_line.error(f"--{name}: must be above 0")

    notes: list[str] = []
    measures = [
        *megapixels(sizes, args.settings, patience, repeats, notes.append),
        *callers(many, seconds),
        *cores(numbers(), seconds),
    ]
    chosen = {
        "megapixels": sizes,
        "settings": args.settings,
        "patience": patience,
        "repeats": repeats,
        "callers": many,
        "seconds": seconds,
    }
    record = record_of("scaling", measures, chosen, notes=notes)
    folder = args.results or (ROOT / "build" / "bench" if quick else FOLDER)
    return finish(record, tables.page(record), folder)


if __name__ == "__main__":
    sys.exit(main())
