"""`autoquality-train label`: sweeps of a corpus."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from autoquality_train.cli import options
from autoquality_train.cli.corpora import gather_samples, tell_left_out
from autoquality_train.cli.exits import Failed
from autoquality_train.labelling import Outcome, Plan, WorkerDied
from autoquality_train.labelling import label as label_all
from autoquality_train.progress import progress
from autoquality_train.sweeps import ALL, SOME

QUALITIES = {"all": ALL, "some": SOME}


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=options.FOLDER)
@click.option(
    "--out",
    required=True,
    type=options.PLACE,
    help="The folder of sweeps, one small file a sample and encoder setting.",
)
@click.option(
    "--qualities",
    type=click.Choice(list(QUALITIES)),
    default="all",
    show_default=True,
    help=f"Encode at every quality, or at {len(SOME)} that a curve can be drawn by. `priors` and"
    " `report` need all, `train` does with some.",
)
@options.settings
@click.option(
    "--whole",
    is_flag=True,
    help="For the images that networks are judged by: each as it is (of more than 1.5 megapixels"
    " the middle), not samples.",
)
@click.option("--middles", is_flag=True, help="The middle of each sample as well, for `priors`.")
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
    """Label a corpus: encode its samples at many qualities and measure what comes of it.

    CORPUS is one or more folders of images, perhaps of folders, one a kind. Each
    image gives one or more samples; each is encoded, decoded and measured at
    every quality by every encoder setting. What was made before is not made
    again: whatever stops this, run it again. Labels made by other versions of
    the encoders do not count.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=whole)[:first]
    if middles:
        samples += [sample.middle() for sample in samples]
    plan = Plan(samples, settings, QUALITIES[qualities], options.ready(out))
    run_plan(plan, console, jobs=jobs)


def run_plan(plan: Plan, console: Console, *, jobs: int) -> None:
    """Label with a bar, then tell what was made, kept and failed. Raises Failed."""
    made = kept = 0
    failed: list[tuple[Path, str]] = []
    try:
        with progress(console, "labelling", len(plan.samples)) as advance:

            def done(outcome: Outcome) -> None:
                nonlocal made, kept
                made, kept = made + outcome.made, kept + outcome.kept
                if outcome.failure is not None:
                    failed.append((outcome.sample.path, outcome.failure))
                advance()

            label_all(plan, jobs=jobs, done=done)
    except WorkerDied as error:
        raise Failed(
            "a process ended before its time, perhaps for want of memory; what was labelled is"
            f" kept: run the same command again, with fewer --jobs than {jobs}"
        ) from error
    finally:
        console.print(f"{made} sweeps made, {kept} there before, {len(failed)} samples failed")
        tell_left_out(console, failed)
    if len(failed) == len(plan.samples):
        raise Failed("every sample failed")
