"""`autoquality-train train`: networks from labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from autoquality_train.cli import options
from autoquality_train.cli.corpora import gather_samples, tell_left_out
from autoquality_train.cli.exits import Failed
from autoquality_train.examples import Examples, gather
from autoquality_train.fitting import Course, TooFewExamples, load_network
from autoquality_train.fitting import train as fit_and_freeze
from autoquality_train.progress import progress
from autoquality_train.samples import Sample
from autoquality_train.sweeps import NETWORKS


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=options.FOLDER)
@click.option("--sweeps", required=True, type=options.FOLDER, help="What `label` made.")
@click.option(
    "--out",
    required=True,
    type=options.PLACE,
    help="Where autoquality-FORMAT.pb and .json go, and mosaics.npy: the images as the networks"
    " see them, half a megabyte a sample, which may be deleted afterwards.",
)
@click.option("--name", help="What to call the corpus in the side files.  [default: its folder]")
@options.formats
@options.epochs
@options.seed
@options.jobs
def train(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str | None,
    formats: tuple[str, ...],
    epochs: int,
    seed: int,
    jobs: int,
) -> None:
    """Train a network for each format, and freeze it for autoquality-server.

    CORPUS and --seed must be those that `label` was given; samples that are not
    labelled are left out, so that it can be tried on part of the labels. Keras
    runs on TensorFlow unless KERAS_BACKEND says jax; on a GPU where that
    backend finds one.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    course = Course(name or corpus[0].name, epochs, seed)
    train_all(samples, sweeps, options.ready(out), formats, course, console, jobs=jobs)


def train_all(
    samples: Sequence[Sample],
    sweeps: Path,
    out: Path,
    formats: Sequence[str],
    course: Course,
    console: Console,
    *,
    jobs: int,
) -> None:
    """Gather examples, then train each format. Raises Failed."""
    network = load_network()
    examples = _gather(samples, sweeps, out, formats, console, jobs=jobs)
    for fmt in formats:
        some = examples[NETWORKS[fmt]]
        console.print(f"{fmt}: {len(some)} samples of {len(set(some.groups))} images")

        def tell(line: str, fmt: str = fmt) -> None:
            console.print(f"{fmt}: {line}", soft_wrap=True, markup=False)

        try:
            path = fit_and_freeze(fmt, some, out, course, network, tell)
        except TooFewExamples as error:
            raise Failed(f"{fmt}: {error}") from error
        console.print(f"{fmt}: {path}", soft_wrap=True)


def _gather(
    samples: Sequence[Sample],
    sweeps: Path,
    out: Path,
    formats: Sequence[str],
    console: Console,
    *,
    jobs: int,
) -> dict[str, Examples]:
    left_out: list[tuple[Path, str]] = []
    with progress(console, "reading", len(samples)) as advance:
        found = gather(
            samples,
            [NETWORKS[fmt] for fmt in formats],
            sweeps,
            out / "mosaics.npy",
            jobs=jobs,
            left_out=lambda path, why: left_out.append((path, why)),
            done=advance,
        )
    tell_left_out(console, left_out)
    return found
