"""`autoquality-train run`: labels, networks and their report by one command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from autoquality_core.metrics import METRICS
from autoquality_train.cli import options
from autoquality_train.cli.label import QUALITIES, run_plan
from autoquality_train.cli.priors import learn_priors
from autoquality_train.cli.report import judge_all, load_networks
from autoquality_train.cli.samples import gather_samples, print_skipped
from autoquality_train.cli.train import train_all
from autoquality_train.corpus.split import QUICK_IMAGES, Split, split
from autoquality_train.fitting import LEAST, QUICK_EPOCHS, Training, network_path
from autoquality_train.judging.note import note_accuracy
from autoquality_train.labels.curves import CURVES
from autoquality_train.labels.labelling import Plan
from autoquality_train.labels.sweeps import ALL, NETWORKS, SETTINGS


@click.command(short_help="Label, train and judge in one folder.")
@click.argument("corpus", type=options.FOLDER)
@click.option(
    "--out",
    required=True,
    type=options.NEW_FOLDER,
    help="The folder for everything: sweeps/ (labels), networks/, report/, and priors/ with"
    " --priors.",
)
@click.option(
    "--judge",
    multiple=True,
    type=options.FOLDER,
    metavar="FOLDER",
    help="Images for judging, which are not used for training. May be repeated. Without it, a tenth"
    " of the corpus is held out.",
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"A quick test with one sample of at most {QUICK_IMAGES} images and {QUICK_EPOCHS} epochs."
    " The networks are not good. The same command without --quick continues with its labels.",
)
@options.formats
@click.option(
    "--qualities",
    type=click.Choice(list(QUALITIES)),
    default="some",
    show_default=True,
    help="The qualities for training samples. Images for judging are labelled at all qualities.",
)
@click.option("--priors", is_flag=True, help="Also learn curve priors. Labels at all qualities.")
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
    """Label CORPUS, train networks on it and judge them, in one folder.

    After an interruption, the same command continues with the labels, and trains the networks
    again. Then start the server with

        autoquality-server --jpeg-net OUT/networks/autoquality-jpeg.pb ...
    """
    console = Console(stderr=True)
    options.ready(out)
    chosen = _split(corpus, judge, console, seed=seed, quick=quick)
    folders = {name: options.ready(out / name) for name in ("sweeps", "networks", "report")}
    settings = tuple(SETTINGS) if priors else tuple(NETWORKS[fmt] for fmt in formats)
    middles = [one.middle() for one in chosen.training if priors]
    at = ALL if priors else QUALITIES[qualities]
    plan = Plan([*chosen.training, *middles], settings, at, folders["sweeps"])
    run_plan(plan, console, jobs=jobs)
    judged_settings = tuple(NETWORKS[fmt] for fmt in formats)
    run_plan(Plan(chosen.judged, judged_settings, ALL, folders["sweeps"]), console, jobs=jobs)
    if priors:
        into = options.ready(out / "priors")
        learn_priors(
            chosen.training, folders["sweeps"], into, corpus.name, CURVES, settings, console
        )
    training = Training(corpus.name, QUICK_EPOCHS if quick else epochs, seed)
    train_all(
        *(chosen.training, folders["sweeps"], folders["networks"], formats, training, console),
        jobs=jobs,
    )
    networks = load_networks(folders["networks"], formats, threads=jobs)
    for metric in METRICS:
        about: Mapping[str, Any] = {
            "judged": [str(one) for one in judge] or [f"{corpus}, images held out"],
            "photographs": photographs,
            "metric": metric,
            "quick": quick,
            "seeds": {"samples, split and training": seed},
        }
        found = judge_all(
            *(chosen.judged, folders["sweeps"], folders["networks"], networks),
            *(options.ready(folders["report"] / metric), about, console),
        )
        for fmt in networks:
            network = network_path(folders["networks"], fmt)
            names = [one.name for one in judge] or ["held out"]
            note_accuracy(network, metric, found["formats"][fmt], names)


def _split(
    corpus: Path, judge: Sequence[Path], console: Console, *, seed: int, quick: bool
) -> Split:
    """Samples to train on and images to judge by. Raises Failed if there are too few."""
    samples = gather_samples([corpus], console, seed=seed, whole=False)
    judged = gather_samples(judge, console, seed=seed, whole=True) if judge else []
    found = split(samples, judged, seed=seed, quick=quick)
    why = "used for judging, not for training"
    print_skipped(console, [(path, why) for path in found.both])
    images = len({sample.group for sample in found.training})
    if images < LEAST:
        raise options.Failed(
            f"{corpus}: {images} images to train on are too few; use at least {LEAST}, better"
            " thousands"
        )
    return found
