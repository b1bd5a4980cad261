"""`autoquality-train run`: everything, by one command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from autoquality_train.cli import options
from autoquality_train.cli.corpora import gather_samples, tell_left_out
from autoquality_train.cli.exits import Failed
from autoquality_train.cli.label import QUALITIES, run_plan
from autoquality_train.cli.priors import learn_priors
from autoquality_train.cli.report import judge_all, load
from autoquality_train.cli.train import train_all
from autoquality_train.fitting import LEAST, QUICK_EPOCHS, Course
from autoquality_train.judging.networks import network_path
from autoquality_train.judging.note import note_accuracy
from autoquality_train.labelling import Plan
from autoquality_train.split import QUICK_IMAGES, Split, split
from autoquality_train.sweeps import ALL, NETWORKS, SETTINGS


@click.command()
@click.argument("corpus", type=options.FOLDER)
@click.option(
    "--out",
    required=True,
    type=options.PLACE,
    help="Where everything goes: sweeps/ (labels), networks/, report/, with --priors priors/.",
)
@click.option(
    "--judge",
    multiple=True,
    type=options.FOLDER,
    metavar="FOLDER",
    help="Images to judge by, never trained on; may be repeated. Without it a tenth of the"
    " corpus's images is held out.",
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"A rehearsal: pieces of {QUICK_IMAGES} images at most, {QUICK_EPOCHS} epochs. Shows that"
    " everything works, not how good networks can be.",
)
@options.formats
@click.option(
    "--qualities",
    type=click.Choice(list(QUALITIES)),
    default="some",
    show_default=True,
    help="At which qualities samples for training are labelled; those for judging always at all.",
)
@click.option("--priors", is_flag=True, help="Learn curve priors too; labels at all qualities.")
@options.epochs
@options.photographs
@options.seed
@options.jobs
def run(
    corpus: Path,
    out: Path,
    judge: tuple[Path, ...],
    quick: bool,
    formats: tuple[str, ...],
    qualities: str,
    priors: bool,
    epochs: int,
    photographs: tuple[str, ...],
    seed: int,
    jobs: int,
) -> None:
    """Label CORPUS, train networks on it and judge them, all into one folder.

    Stopped and run again, it goes on with the labels where it was; networks are
    trained anew. Put the networks to use with

        autoquality-server --jpeg-net OUT/networks/autoquality-jpeg.pb ...
    """
    console = Console(stderr=True)
    options.ready(out)
    chosen = _split(corpus, judge, console, seed=seed, quick=quick)
    folders = {name: options.ready(out / name) for name in ("sweeps", "networks", "report")}
    settings = tuple(SETTINGS) if priors else tuple(NETWORKS[fmt] for fmt in formats)
    training = [*chosen.training, *(one.middle() for one in chosen.training if priors)]
    at = ALL if priors else QUALITIES[qualities]
    run_plan(Plan(training, settings, at, folders["sweeps"]), console, jobs=jobs)
    judged_settings = tuple(NETWORKS[fmt] for fmt in formats)
    run_plan(Plan(chosen.judged, judged_settings, ALL, folders["sweeps"]), console, jobs=jobs)
    if priors:
        into = options.ready(out / "priors")
        learn_priors(chosen.training, folders["sweeps"], into, corpus.name, settings, console)
    course = Course(corpus.name, QUICK_EPOCHS if quick else epochs, seed)
    train_all(
        chosen.training, folders["sweeps"], folders["networks"], formats, course, console, jobs=jobs
    )
    networks = load(folders["networks"], formats, threads=jobs)
    about: Mapping[str, Any] = {
        "judged": [str(one) for one in judge] or [f"{corpus}, images held out"],
        "photographs": photographs,
        "seeds": {"samples, split and training": seed},
    }
    found = judge_all(chosen.judged, folders["sweeps"], networks, folders["report"], about, console)
    for fmt in networks:
        network = network_path(folders["networks"], fmt)
        note_accuracy(network, found["formats"][fmt], [one.name for one in judge] or ["held out"])


def _split(
    corpus: Path, judge: Sequence[Path], console: Console, *, seed: int, quick: bool
) -> Split:
    """Samples to train on and images to judge by. Raises Failed where there are too few."""
    samples = gather_samples([corpus], console, seed=seed, whole=False)
    judged = gather_samples(judge, console, seed=seed, whole=True) if judge else []
    found = split(samples, judged, seed=seed, quick=quick)
    tell_left_out(console, [(path, "judged by, so not trained on") for path in found.twice])
    images = len({sample.group for sample in found.training})
    if images < LEAST:
        raise Failed(
            f"{corpus}: {images} images to train on are too few; {LEAST} is the least,"
            " thousands are good"
        )
    return found
