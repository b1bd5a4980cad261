"""The comparison, from the command line.

python -m bench.compare IMAGES...        everything; hours for a hundred images
python -m bench.compare --quick          photographs that scikit-image ships, two minutes
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
from autoquality_train.samples import images_in
from autoquality_train.sweeps import SETTINGS
from bench.clock import CommandFailed
from bench.compare import ours, tables
from bench.compare.commands import commands, program_versions
from bench.compare.entrant import Entrant
from bench.compare.pillow import loops
from bench.compare.run import Plan, run, warm_up
from bench.compare.searches import searches
from bench.compare.subject import Subject, load
from bench.compare.summary import measures
from bench.quick import photographs
from bench.record import FOLDER, record_of
from bench.record.machine import ROOT
from bench.record.report import finish

METHODS = (Method.SIZE, Method.DSSIM, Method.ML)
QUICK_FOLDER = ROOT / "build" / "bench"
"""Where records go that no document is made of."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("images", nargs="*", type=Path, help="image files, or folders of them")
    found.add_argument("--quick", action="store_true", help="scikit-image's photographs, cropped")
    found.add_argument("--settings", nargs="+", choices=tuple(SETTINGS), default=list(SETTINGS))
    found.add_argument("--targets", nargs="+", type=float, help="DSSIM (default: 0.01 0.02)")
    found.add_argument("--budgets", nargs="+", type=int, help="qualities (default: 50 80)")
    found.add_argument("--repeats", type=int, default=2, help="of ours; the least time counts")
    found.add_argument("--rivals", nargs="*", help="only those whose name begins so; none: no one")
    found.add_argument("--guetzli", type=int, default=3, help="images for guetzli, which is slow")
    found.add_argument("--results", type=Path, help="folder for the record")
    found.add_argument("--rows", type=Path, help="write every single result here, as JSON")
    return found


def plan_of(args: argparse.Namespace) -> Plan:
    """What the command line asks for. Raises ValueError naming the option."""
    targets = args.targets or ([0.02] if args.quick else [0.01, 0.02])
    budgets = args.budgets or ([65] if args.quick else [50, 80])
    if not all(0 < one < 1 for one in targets):
        raise ValueError("--targets: a DSSIM is above 0 and below 1, for example 0.02")
    if not all(1 <= one <= 100 for one in budgets):
        raise ValueError("--budgets: given as the qualities, 1 to 100, that come to them")
    if args.repeats < 1:
        raise ValueError("--repeats: 1 or more")
    if args.guetzli < 0:
        raise ValueError("--guetzli: a number of images, 0 or more")
    return Plan(tuple(args.settings), tuple(targets), tuple(budgets), repeats=args.repeats)


def entrants(args: argparse.Namespace) -> list[Entrant]:
    """The rivals that are asked for. Raises ValueError for a name that none has."""
    known: list[Entrant] = [*searches(), *loops(), *commands(guetzli_images=args.guetzli)]
    if args.rivals is None:
        return known
    wrong = [one for one in args.rivals if not any(it.name.startswith(one) for it in known)]
    if wrong:
        names = ", ".join(it.name for it in known)
        raise ValueError(f"--rivals: nobody is called {wrong[0]!r}; there are {names}")
    return [it for it in known if any(it.name.startswith(one) for one in args.rivals)]


def subjects(args: argparse.Namespace, folder: Path) -> list[Subject]:
    """The images. Raises ValueError where there are none, or one is unreadable."""
    if bool(args.images) == args.quick:
        raise ValueError("give images, or --quick for those that scikit-image ships")
    paths = photographs(folder) if args.quick else images_in(args.images)
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
    """Compare, write the record, tell what changed."""
    command_line = parser()
    args = command_line.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        try:
            plan = plan_of(args)
            rivals = entrants(args)
            images = subjects(args, Path(name))
        except (ValueError, CommandFailed) as error:
            command_line.error(str(error))
        networks = ours.predictors()
        mine = [
            *(ours.Ours(method, networks) for method in METHODS),
            ours.Ours(Method.SIZE, networks, two=True),
        ]
        warm_up(images[0], mine, plan)
        rows = run(images, mine, rivals, plan, lambda text: print(text, file=sys.stderr))
    if args.rows:
        args.rows.write_text(json.dumps([asdict(row) for row in rows]) + "\n")
    record = record_of(
        "compare",
        measures(rows),
        {**asdict(plan), "rivals": [one.name for one in rivals], "images": _told(images)},
        more_versions=program_versions(),
    )
    return finish(record, tables.page(record), args.results or _folder(args))


def _folder(args: argparse.Namespace) -> Path:
    return QUICK_FOLDER if args.quick else FOLDER


def _told(images: Sequence[Subject]) -> dict[str, str | int | float]:
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
