"""Command lines that the benchmarks share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from autoquality_train.corpus.samples import Sample, images_in, whole_images
from bench.record.store import FOLDER

Found = TypeVar("Found")

NETWORKS = ("box", "none")
"""The values of --networks: the bundled networks, or no network."""


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The command line of `python -m NAME`; `description` is the docstring of its module."""
    return argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_images(given: argparse.ArgumentParser, nargs: str = "+") -> None:
    """Add the argument for images; see `images_of`."""
    given.add_argument("images", nargs=nargs, type=Path, help="image files, or folders of them")


def add_jobs(given: argparse.ArgumentParser) -> None:
    """Add the options --jobs and --results of a benchmark that measures each image by itself."""
    given.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    given.add_argument("--results", type=Path, default=FOLDER, help="the folder for the record")


def add_networks(given: argparse.ArgumentParser) -> None:
    """Add the option --networks."""
    given.add_argument(
        "--networks",
        choices=NETWORKS,
        default=NETWORKS[0],
        help="the bundled networks (box, the default) or none",
    )


def amounts_of(
    given: argparse.ArgumentParser, args: argparse.Namespace, defaults: Mapping[str, float]
) -> dict[str, float]:
    """The options named in `defaults`, or else the values there; all must be above 0."""
    found = {name: getattr(args, name) for name in defaults}
    for name, value in found.items():
        if value is not None and value <= 0:
            given.error(f"--{name}: must be above 0")
    return {name: defaults[name] if value is None else value for name, value in found.items()}


def images_of(given: argparse.ArgumentParser, args: argparse.Namespace) -> list[Path]:
    """The images of a command line, which must have some."""
    images = images_in(args.images)
    if not images:
        given.error("no images among the arguments")
    return images


def of_each_image(
    given: argparse.ArgumentParser, args: argparse.Namespace, work: Callable[[Sample], Found]
) -> list[Found]:
    """What `work` returns for each image of a command line with `add_images` and `add_jobs`.

    Runs in --jobs processes and reports the progress on stderr.
    """
    samples = whole_images(images_of(given, args))
    found = []
    with ProcessPoolExecutor(args.jobs, mp_context=get_context("spawn")) as pool:
        for at, one in enumerate(pool.map(work, samples), 1):
            print(f"{at} of {len(samples)} images", file=sys.stderr)
            found.append(one)
    return found
