"""`autoquality-train formats`: what a choice among encoders starts from."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from autoquality_core.priors.features import all_features
from autoquality_core.priors.formats import FILE
from autoquality_train.cli import options
from autoquality_train.cli.options import Failed
from autoquality_train.cli.samples import distinct, gather_samples
from autoquality_train.labels.sweeps import LOSSLESS, SETTINGS, SWEPT, load_sweep
from autoquality_train.priors.formats import Row, learn, payloads, write

LEAST_ROWS = 100
"""The fewest samples of a setting to learn from."""


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=options.FOLDER)
@options.sweeps
@options.priors_folder(FILE)
@options.corpus_name
@options.settings_among(
    SWEPT,
    [*SETTINGS, *LOSSLESS],
    " Other settings of a format, such as jpeg-full, need their usual one, too.",
)
@options.seed
def formats(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    settings: tuple[str, ...],
    seed: int,
) -> None:
    """Learn the bytes that each encoder needs for a score, from the features of an image.

    A choice among formats starts from these predictions. They are learned jointly: the errors of
    all settings and their covariance. Samples need not have labels of all settings. Use the CORPUS
    and --seed of `label`.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    rows = []
    for sample, pixels, digest in distinct(samples, console):
        labels = {one: load_sweep(digest, one, sweeps) for one in settings}
        area = sample.width * sample.height
        known = {one: payloads(found, one, area) for one, found in labels.items() if found}
        if known:
            rows.append(Row(all_features(pixels), known, sample.group))
    for setting in settings:
        count = sum(setting in row.payloads for row in rows)
        if count < LEAST_ROWS:
            raise Failed(
                f"{sweeps}: {count} samples of this corpus are labelled by {setting}, but"
                f" {LEAST_ROWS} are needed: autoquality-train label ... --settings {setting}"
            )
    path = options.ready(out) / FILE
    learned, errors = learn(rows, settings, seed=seed)
    write(path, learned, name, len(rows), seed)
    words = ", ".join(f"{setting} {100 * error:.1f} %" for setting, error in errors.items())
    console.print(f"{path}: {len(rows)} samples; median error: {words}", soft_wrap=True)
