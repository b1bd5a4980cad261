"""`autoquality-train corpus`: images to train on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
from rich.console import Console

from autoquality_train.cli import options
from autoquality_train.corpus import debian


@click.command(short_help="Gather free images from Debian packages.")
@click.argument("folder", type=options.NEW_FOLDER)
@options.seed
def corpus(folder: Path, seed: int) -> None:
    """Gather a reproducible corpus of free images from Debian packages.

    Downloads 2 GB of packages of Debian 12 with apt and unpacks them below FOLDER. Copies the
    images to FOLDER/images for training and FOLDER/judge for judging, one folder for each kind,
    and the packages' copyright files to FOLDER/licences. Needs Debian 12, apt-get and dpkg-deb;
    nothing is installed. A second run downloads only what is missing.
    """
    console = Console(stderr=True)
    options.ready(folder)
    missing = debian.missing(folder)
    if missing:
        console.print(
            f"downloading {len(missing)} of {len(debian.PACKAGES)} packages (2 GB in all) to"
            f" {folder / 'packages'}",
            soft_wrap=True,
        )
    try:
        counts = debian.gather(folder.resolve(), seed=seed)
    except FileNotFoundError as error:
        raise options.Failed(
            f"{error.filename} is missing; this needs Debian 12's tools"
        ) from error
    except subprocess.CalledProcessError as error:
        raise options.Failed(
            f"`{' '.join(map(str, error.cmd))}` failed (exit code {error.returncode}); try"
            " `apt-get update`, and Debian 12"
        ) from error
    for kind, count in counts.items():
        console.print(f"{kind}: {count}", soft_wrap=True)
    images, judge = folder / "images", folder / "judge"
    console.print(
        f"next: autoquality-train run {images} --judge {judge} --out trained", soft_wrap=True
    )
