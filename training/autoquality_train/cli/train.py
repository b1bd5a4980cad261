"""`autoquality-train train`: networks from labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from autoquality_core.metrics import DSSIM
from autoquality_train.cli import options
from autoquality_train.cli.samples import gather_samples, print_skipped
from autoquality_train.corpus.samples import Sample, Skipped
from autoquality_train.examples import gather
from autoquality_train.fitting import TooFewExamples, Training, load_network, network_path
from autoquality_train.fitting import train as fit_and_freeze
from autoquality_train.labels.sweeps import NETWORKS
from autoquality_train.progress import progress


@click.command(short_help="Train a network for each format.")
@options.corpus_folders
@options.sweeps
@click.option(
    "--out",
    required=True,
    type=options.NEW_FOLDER,
    help="The folder for autoquality-FORMAT.pb and .json, and for mosaics.npy: the networks' input,"
    " half a megabyte for each sample. It may be deleted afterwards.",
)
@click.option(
    "--base",
    type=options.FOLDER,
    help="A folder of networks that predict DSSIM. The new networks are copies of them with heads"
    " for the other --metrics, and predict DSSIM as before.",
)
@click.option("--name", help="The name of the corpus in the side files.  [default: its folder]")
@options.formats
@options.metrics
@options.epochs
@options.seed
@options.jobs
def train(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    base: Path | None,
    name: str | None,
    formats: tuple[str, ...],
    metrics: tuple[str, ...],
    epochs: int,
    seed: int,
    jobs: int,
) -> None:
    """Train a network for each format, and freeze it for autoquality-server.

    Use the CORPUS and --seed of `label`. Samples without a label are skipped, so you can try this
    before `label` has finished. Keras runs on TensorFlow, or on JAX with KERAS_BACKEND=jax, and
    uses a GPU if that backend finds one.
    """
    console = Console(stderr=True)
    metrics = tuple(one for one in metrics if base is None or one != DSSIM.name)
    if base is None and DSSIM.name not in metrics:
        raise options.Failed("a network predicts dssim: add it to --metrics, or use --base")
    for path in [network_path(base, fmt) for fmt in formats] if base else ():
        if not path.exists():
            raise options.Failed(f"{path} does not exist; change --base or --formats")
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    training = Training(name or corpus[0].name, epochs, seed, metrics, base)
    train_all(samples, sweeps, options.ready(out), formats, training, console, jobs=jobs)


def train_all(
    samples: Sequence[Sample],
    sweeps: Path,
    out: Path,
    formats: Sequence[str],
    training: Training,
    console: Console,
    *,
    jobs: int,
) -> None:
    """Gather examples, then train each format. Raises Failed."""
    network = load_network()
    skipped: list[Skipped] = []
    with progress(console, "reading", len(samples)) as advance:
        examples = gather(
            samples,
            [NETWORKS[fmt] for fmt in formats],
            sweeps,
            out / "mosaics.npy",
            jobs=jobs,
            on_skip=skipped.append,
            done=advance,
        )
    print_skipped(console, skipped)
    for fmt in formats:
        some = examples[NETWORKS[fmt]]
        console.print(f"{fmt}: {len(some)} samples of {len(set(some.groups))} images")

        def log(line: str, fmt: str = fmt) -> None:
            console.print(f"{fmt}: {line}", soft_wrap=True, markup=False)

        try:
            path = fit_and_freeze(fmt, some, out, training, network, log)
        except TooFewExamples as error:
            raise options.Failed(f"{fmt}: {error}") from error
        console.print(f"{fmt}: {path}", soft_wrap=True)
