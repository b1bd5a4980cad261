"""Lists the searches with the most encodings, and explains them.

python -m bench.worst IMAGES...             about four seconds for each image, on one core
python -m bench.worst IMAGES... --every 5
python -m bench.worst --quick               four small photographs, ten seconds
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from autoquality_core.errors import InvalidImage
from autoquality_core.images import open_image
from autoquality_train.corpus.samples import images_in
from bench.command import add_images, add_networks, parser
from bench.compare.ours import predictors
from bench.compare.subject import LIMITS
from bench.compare.task import NAMES
from bench.images import quick_photographs
from bench.record import FOLDER, QUICK_FOLDER, record_of
from bench.record.changes import finish
from bench.worst import tables
from bench.worst.run import Plan, run
from bench.worst.summary import measures, notable


def command_line() -> argparse.ArgumentParser:
    """The command line."""
    found = parser("bench.worst", __doc__)
    add_images(found, "*")
    found.add_argument("--quick", action="store_true", help="four small photographs")
    found.add_argument("--settings", nargs="+", choices=tuple(NAMES), default=list(NAMES))
    found.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth image")
    found.add_argument(
        "--megapixels",
        type=float,
        default=1.0,
        help="only the middle of larger images (default: 1)",
    )
    add_networks(found)
    found.add_argument("--results", type=Path, help="the folder for the record")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, write the record and print the changes."""
    given = command_line()
    args = given.parse_args(arguments)
    if args.every < 1:
        given.error("--every: 1 or more")
    if not 0.001 <= args.megapixels <= 100:
        given.error("--megapixels: from 0.001 to 100")
    if bool(args.images) == args.quick:
        given.error("give images or --quick")
    plan = Plan(tuple(args.settings), megapixels=args.megapixels)
    with tempfile.TemporaryDirectory() as folder:
        paths = quick_photographs(Path(folder)) if args.quick else images_in(args.images)
        paths = paths[:: args.every]
        if not paths:
            given.error("no images among the arguments")
        for path in paths:
            try:
                open_image(path.read_bytes(), LIMITS)
            except (InvalidImage, OSError) as error:
                given.error(f"{path}: {error}")
        networks = predictors(args.networks)
        found = list(run(paths, networks, plan, lambda text: print(text, file=sys.stderr)))
    chosen = {"every": args.every, "networks": args.networks, "images": len(paths)}
    record = record_of(
        "worst",
        measures(found),
        asdict(plan) | chosen,
        notes=[one.note() for one in notable(found)],
    )
    results = args.results or (QUICK_FOLDER if args.quick else FOLDER)
    return finish(record, tables.page(record), results)


if __name__ == "__main__":
    sys.exit(main())
