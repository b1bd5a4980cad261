"""What the service takes beside encoding, from the command line.

python -m bench.service            ten minutes
python -m bench.service --quick    a minute
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.record import FOLDER, record_of
from bench.record.machine import ROOT
from bench.record.report import finish
from bench.service import tables
from bench.service.kernel import kernel
from bench.service.memory import FORMATS, MANY, a_pixel, bare, flat
from bench.service.overhead import overhead
from bench.service.throughput import throughput


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record, tell what changed."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.service",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a glance at everything")
    parser.add_argument("--rounds", type=int, help="of which medians are taken")
    parser.add_argument("--calls", type=int, help="in each round")
    parser.add_argument("--seconds", type=float, help="of each round of throughput")
    parser.add_argument("--large", type=float, help="megapixels of the image for the memory")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    parser.add_argument("--requests", type=int, help="over which memory should stay flat")
    parser.add_argument("--results", type=Path, help="folder for the record")
    args = parser.parse_args(arguments)
    usual = QUICK if args.quick else WHOLE
    chosen = {name: getattr(args, name) or value for name, value in usual.items()}
    wrong = [name for name, value in chosen.items() if value <= 0]
    if wrong:
        parser.error(f"--{wrong[0]}: must be above 0")
    rounds = int(chosen["rounds"])
    measures = [
        *overhead(rounds, int(chosen["calls"])),
        *throughput(rounds, chosen["seconds"]),
        *bare(chosen["large"], args.formats),
        *a_pixel(chosen["large"], 1, args.formats),
        *a_pixel(chosen["large"], 2, args.formats),
        *flat(int(chosen["requests"])),
        *kernel(rounds),
    ]
    record = record_of("service", measures, {**chosen, "formats": args.formats})
    folder = args.results or (ROOT / "build" / "bench" if args.quick else FOLDER)
    return finish(record, tables.page(record), folder)


WHOLE = {"rounds": 9, "calls": 40, "seconds": 5.0, "large": 12.0, "requests": MANY}
QUICK = {"rounds": 3, "calls": 10, "seconds": 1.0, "large": 1.0, "requests": 200}

if __name__ == "__main__":
    sys.exit(main())
