"""`autoquality-train corpus`: images to train on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
from rich.console import Console

from autoquality_train import debian
from autoquality_train.cli import options
from autoquality_train.cli.exits import Failed


@click.command()
@click.argument("folder", type=options.PLACE)
@options.seed
def corpus(folder: Path, seed: int) -> None:
    """Gather a corpus of free images that anybody can gather again.

    Downloads the packages of Debian 12 that hold the images (2 GB) with apt,
    unpacks them below FOLDER and lays the images into FOLDER/images to train on and
    FOLDER/judge to judge by, one folder a kind; the packages' copyright files go
    into FOLDER/licences. Needs Debian 12,
    apt-get and dpkg-deb; nothing is installed. What was fetched before is not
    fetched again.
    """
    console = Console(stderr=True)
    options.ready(folder)
    try:
        counts = debian.gather(folder.resolve(), seed=seed)
    except FileNotFoundError as error:
        raise Failed(f"{error.filename} is missing; this needs Debian 12's tools") from error
    except subprocess.CalledProcessError as error:
        raise Failed(
            f"`{' '.join(map(str, error.cmd))}` failed (exit code {error.returncode}); try"
            " `apt-get update`, and Debian 12"
        ) from error
    for kind, count in counts.items():
        console.print(f"{kind}: {count}", soft_wrap=True)
    images, apart = folder / "images", folder / "judge"
    console.print(
        f"next: autoquality-train run {images} --judge {apart} --out trained", soft_wrap=True
    )
