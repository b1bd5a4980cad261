"""`autoquality-train label`: sweeps of a corpus."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from autoquality_train.cli import options
from autoquality_train.cli.options import Failed
from autoquality_train.cli.samples import gather_samples, print_skipped
from autoquality_train.corpus.samples import Skipped
from autoquality_train.labels.labelling import Outcome, Plan
from autoquality_train.labels.labelling import label as label_all
from autoquality_train.labels.sweeps import ALL, SOME
from autoquality_train.progress import progress

QUALITIES = {"all": ALL, "some": SOME}


@click.command(short_help="Encode a corpus at many qualities, and measure.")
@options.corpus_folders
@click.option(
    "--out",
    required=True,
    type=options.NEW_FOLDER,
    help="The folder of sweeps, one small file for each sample and encoder setting.",
)
@click.option(
    "--qualities",
    type=click.Choice(list(QUALITIES)),
    default="all",
    show_default=True,
    help=f"Encode at all qualities, or at {len(SOME)}, which is enough to draw a curve. `priors`"
    " and `report` need all; `train`, `features` and `offsets` need some.",
)
@options.settings
@click.option(
    "--whole",
    is_flag=True,
    help="Label whole images instead of samples, to judge networks by. Of images above 1.5"
    " megapixels, take the middle.",
)
@click.option("--middles", is_flag=True, help="Also label the middle of each sample, for `priors`.")
@options.first
@options.seed
@options.jobs
def label(
    corpus: tuple[Path, ...],
    out: Path,
    qualities: str,
    settings: tuple[str, ...],
    whole: bool,
    middles: bool,
    first: int | None,
    seed: int,
    jobs: int,
) -> None:
    """Label a corpus: encode its samples at many qualities and measure the results.

    CORPUS is one or more folders of images, each with or without one folder for each kind. Each
    image gives one or more samples. Every encoder setting encodes, decodes and measures each
    sample at every quality. After an interruption, run the same command again: labels that exist
    are not made again, unless other versions of the encoders made them.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=whole)[:first]
    if middles:
        samples += [sample.middle() for sample in samples]
    plan = Plan(samples, settings, QUALITIES[qualities], options.ready(out))
    run_plan(plan, console, jobs=jobs)


def run_plan(plan: Plan, console: Console, *, jobs: int) -> None:
    """Label with a progress bar, and print the counts. Raises Failed, WorkerDied, OSError."""
    made = existing = 0
    failed: list[Skipped] = []
    try:
        with progress(console, "labelling", len(plan.samples)) as advance:

            def done(outcome: Outcome) -> None:
                nonlocal made, existing
                made, existing = made + outcome.made, existing + outcome.existing
                if outcome.failure is not None:
                    failed.append((outcome.sample.path, outcome.failure))
                advance()

            label_all(plan, jobs=jobs, done=done)
    finally:
        console.print(f"{made} sweeps made, {existing} existed, {len(failed)} samples failed")
        print_skipped(console, failed)
    if len(failed) == len(plan.samples):
        raise Failed("every sample failed")
