"""The searches that take the most encodings, from the command line.

python -m bench.worst IMAGES...        about two seconds an image, on one core
python -m bench.worst IMAGES... --every 5
python -m bench.worst --quick          photographs that scikit-image ships, ten seconds
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
from autoquality_train.samples import images_in
from autoquality_train.sweeps import SETTINGS
from bench.compare.ours import predictors
from bench.compare.subject import LIMITS
from bench.quick import photographs
from bench.record import FOLDER, record_of
from bench.record.machine import ROOT
from bench.record.report import finish
from bench.worst import tables
from bench.worst.run import Plan, run
from bench.worst.summary import measures, told

QUICK_FOLDER = ROOT / "build" / "bench"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m bench.worst",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("images", nargs="*", type=Path, help="image files, or folders of them")
    found.add_argument("--quick", action="store_true", help="scikit-image's photographs, cropped")
    found.add_argument("--settings", nargs="+", choices=tuple(SETTINGS), default=list(SETTINGS))
    found.add_argument("--every", type=int, default=1, help="only one image in so many")
    found.add_argument("--megapixels", type=float, default=1.0, help="of a larger image its middle")
    found.add_argument("--networks", choices=("box", "none"), default="box")
    found.add_argument("--results", type=Path, help="folder for the record")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Search, write the record, tell what changed."""
    command_line = parser()
    args = command_line.parse_args(arguments)
    if args.every < 1:
        command_line.error("--every: 1 or more")
    if not 0.001 <= args.megapixels <= 100:
        command_line.error("--megapixels: from 0.001 to 100")
    if bool(args.images) == args.quick:
        command_line.error("give images, or --quick for those that scikit-image ships")
    plan = Plan(tuple(args.settings), megapixels=args.megapixels)
    with tempfile.TemporaryDirectory() as folder:
        paths = photographs(Path(folder)) if args.quick else images_in(args.images)
        paths = paths[:: args.every]
        if not paths:
            command_line.error("no images among the arguments")
        for path in paths:
            try:
                open_image(path.read_bytes(), LIMITS)
            except (InvalidImage, OSError) as error:
                command_line.error(f"{path}: {error}")
        networks = predictors() if args.networks == "box" else {}
        found = list(run(paths, networks, plan, lambda text: print(text, file=sys.stderr)))
    chosen = {"every": args.every, "networks": args.networks, "images": len(paths)}
    record = record_of(
        "worst",
        measures(found),
        asdict(plan) | chosen,
        notes=[one.note() for one in told(found)],
    )
    results = args.results or (QUICK_FOLDER if args.quick else FOLDER)
    return finish(record, tables.page(record), results)


if __name__ == "__main__":
    sys.exit(main())
