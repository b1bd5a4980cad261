"""Measures the cost of the service besides encoding.

python -m bench.service            ten minutes
python -m bench.service --quick    a minute
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.command import parser
from bench.record import FOLDER, QUICK_FOLDER, record_of
from bench.record.changes import finish
from bench.service import pages
from bench.service.memory import FORMATS, MANY, bare, growth, per_pixel
from bench.service.speed import metric, overhead, throughput

WHOLE = {"rounds": 9, "calls": 40, "seconds": 5.0, "large": 12.0, "requests": MANY}
QUICK = {"rounds": 3, "calls": 10, "seconds": 1.0, "large": 1.0, "requests": 200}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record and print the changes."""
    given = parser("bench.service", __doc__)
    given.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    given.add_argument("--rounds", type=int, help="for medians")
    given.add_argument("--calls", type=int, help="in each round")
    given.add_argument("--seconds", type=float, help="of each round of throughput")
    given.add_argument("--large", type=float, help="megapixels of the image for memory")
    given.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    given.add_argument("--requests", type=int, help="for the growth of memory")
    given.add_argument("--results", type=Path, help="the folder for the record")
    args = given.parse_args(arguments)
    defaults = QUICK if args.quick else WHOLE
    chosen = {name: getattr(args, name) or value for name, value in defaults.items()}
    wrong = [name for name, value in chosen.items() if value <= 0]
    if wrong:
        given.error(f"--{wrong[0]}: must be above 0")
    rounds = int(chosen["rounds"])
    measures = [
        *overhead(rounds, int(chosen["calls"])),
        *throughput(rounds, chosen["seconds"]),
        *bare(chosen["large"], args.formats),
        *per_pixel(chosen["large"], 1, args.formats),
        *per_pixel(chosen["large"], 2, args.formats),
        *growth(int(chosen["requests"])),
        *metric(rounds),
    ]
    record = record_of("service", measures, {**chosen, "formats": args.formats})
    folder = args.results or (QUICK_FOLDER if args.quick else FOLDER)
    return finish(record, pages.page(record), folder)


if __name__ == "__main__":
    sys.exit(main())
