"""Measures the memory of the service, and the time of its metric.

python -m bench.service            eight minutes
python -m bench.service --quick    a minute
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.command import amounts_of, parser
from bench.record import FOLDER, QUICK_FOLDER, record_of
from bench.record.changes import finish
from bench.service import pages
from bench.service.memory import FORMATS, MANY, bare, growth, per_pixel
from bench.service.metric import metric

WHOLE = {"rounds": 9, "large": 12.0, "requests": MANY}
QUICK = {"rounds": 3, "large": 1.0, "requests": 200}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the record and print the changes."""
    given = parser("bench.service", __doc__)
    given.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    given.add_argument("--rounds", type=int, help="for the median of the metric")
    given.add_argument("--large", type=float, help="megapixels of the image for memory")
    given.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    given.add_argument("--requests", type=int, help="for the growth of memory")
    given.add_argument("--results", type=Path, help="the folder for the record")
    args = given.parse_args(arguments)
    defaults = QUICK if args.quick else WHOLE
    chosen = amounts_of(given, args, defaults)
    measures = [
        *bare(chosen["large"], args.formats),
        *per_pixel(chosen["large"], 1, args.formats),
        *per_pixel(chosen["large"], 2, args.formats),
        *growth(int(chosen["requests"])),
        *metric(int(chosen["rounds"])),
    ]
    record = record_of("service", measures, {**chosen, "formats": args.formats})
    folder = args.results or (QUICK_FOLDER if args.quick else FOLDER)
    return finish(record, pages.page(record), folder)


if __name__ == "__main__":
    sys.exit(main())
