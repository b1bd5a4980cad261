"""Command lines that the benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from autoquality_train.corpus.samples import images_in

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
