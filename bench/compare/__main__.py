"""Compares our methods with other tools.

python -m bench.compare IMAGES...        takes hours for a hundred images
python -m bench.compare --quick          four small photographs, two minutes
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from autoquality_core.errors import InvalidImage
from autoquality_core.types import Method
from autoquality_train.corpus.samples import images_in
from bench.clock import CommandFailed
from bench.command import add_images, parser
from bench.compare import ours, tables
from bench.compare.commands import commands, program_versions
from bench.compare.pillow import loops
from bench.compare.run import Plan, run, warm_up
from bench.compare.subject import Subject, load
from bench.compare.summary import measures
from bench.compare.task import NAMES, Entrant
from bench.images import quick_photographs
from bench.record import FOLDER, QUICK_FOLDER, record_of
from bench.record.changes import finish

METHODS = (Method.SIZE, Method.DSSIM, Method.SSIMULACRA2, Method.ML)


def command_line() -> argparse.ArgumentParser:
    """The command line."""
    found = parser("bench.compare", __doc__)
    add_images(found, "*")
    found.add_argument("--quick", action="store_true", help="four small photographs")
    found.add_argument("--settings", nargs="+", choices=tuple(NAMES), default=list(NAMES))
    found.add_argument("--targets", nargs="+", type=float, help="DSSIM (default: 0.01 0.02)")
    found.add_argument("--scores", nargs="*", type=float, help="SSIMULACRA2 (default: 70)")
    found.add_argument(
        "--budgets", nargs="+", type=int, help="qualities, 1 %% above whose size (default: 50 80)"
    )
    found.add_argument("--repeats", type=int, default=2, help="of our methods (default: 2)")
    found.add_argument("--rivals", nargs="*", help="only tools whose name starts with one of these")
    found.add_argument("--guetzli", type=int, default=3, help="images for guetzli (default: 3)")
    found.add_argument("--results", type=Path, help="the folder for the record")
    found.add_argument("--rows", type=Path, help="a JSON file for every single result")
    return found


def plan_of(args: argparse.Namespace) -> Plan:
    """The tasks. Raises ValueError, with the option that is wrong."""
    targets = args.targets or ([0.02] if args.quick else [0.01, 0.02])
    scores = [70.0] if args.scores is None else args.scores
    budgets = args.budgets or ([65] if args.quick else [50, 80])
    if not all(0 < one < 1 for one in targets):
        raise ValueError("--targets: a DSSIM is above 0 and below 1, for example 0.02")
    if not all(0 <= one <= 100 for one in scores):
        raise ValueError("--scores: a SSIMULACRA2 is from 0 to 100, for example 70")
    if not all(1 <= one <= 100 for one in budgets):
        raise ValueError("--budgets: qualities from 1 to 100")
    if args.repeats < 1:
        raise ValueError("--repeats: 1 or more")
    if args.guetzli < 0:
        raise ValueError("--guetzli: a number of images, 0 or more")
    return Plan(
        *(tuple(args.settings), tuple(targets), tuple(scores), tuple(budgets)),
        repeats=args.repeats,
    )


def entrants(args: argparse.Namespace) -> list[Entrant]:
    """The other tools. Raises ValueError for an unknown name."""
    known: list[Entrant] = [*ours.searches(), *loops(), *commands(guetzli_images=args.guetzli)]
    if args.rivals is None:
        return known
    wrong = [one for one in args.rivals if not any(it.name.startswith(one) for it in known)]
    if wrong:
        names = ", ".join(it.name for it in known)
        raise ValueError(f"--rivals: {wrong[0]!r} is unknown; there are {names}")
    return [it for it in known if any(it.name.startswith(one) for one in args.rivals)]


def subjects(args: argparse.Namespace, folder: Path) -> list[Subject]:
    """The images. Raises ValueError if there are none, or one is unreadable."""
    if bool(args.images) == args.quick:
        raise ValueError("give images or --quick")
    paths = quick_photographs(folder) if args.quick else images_in(args.images)
    if not paths:
        raise ValueError("no images among the arguments")
    found = []
    for path in paths:
        try:
            found.append(load(path, folder))
        except (InvalidImage, OSError) as error:
            raise ValueError(f"{path}: {error}") from None
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, write the record and print the changes."""
    given = command_line()
    args = given.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        try:
            plan = plan_of(args)
            rivals = entrants(args)
            images = subjects(args, Path(name))
        except (ValueError, CommandFailed) as error:
            given.error(str(error))
        networks = ours.predictors()
        methods = [
            *(ours.Ours(method, networks) for method in METHODS),
            ours.Ours(Method.SIZE, networks, two=True),
        ]
        warm_up(images[0], methods, plan)
        rows = run(images, methods, rivals, plan, lambda text: print(text, file=sys.stderr))
    if args.rows:
        args.rows.write_text(json.dumps([asdict(row) for row in rows]) + "\n")
    record = record_of(
        "compare",
        measures(rows),
        {**asdict(plan), "rivals": [one.name for one in rivals], "images": _images(images)},
        more_versions=program_versions(),
    )
    folder = args.results or (QUICK_FOLDER if args.quick else FOLDER)
    return finish(record, tables.page(record), folder)


def _images(images: Sequence[Subject]) -> dict[str, str | int | float]:
    """Number, sizes and digest of the images, for the record."""
    digest = hashlib.sha256("".join(sorted(one.digest for one in images)).encode())
    sizes = sorted(one.megapixels for one in images)
    return {
        "count": len(images),
        "smallest": round(sizes[0], 3),
        "median": round(sizes[len(sizes) // 2], 3),
        "largest": round(sizes[-1], 3),
        "digest": digest.hexdigest()[:8],
    }


if __name__ == "__main__":
    sys.exit(main())
