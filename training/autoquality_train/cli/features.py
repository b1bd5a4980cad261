"""`autoquality-train features`: the regression from an image's features to its curves."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from rich.console import Console

from autoquality_core.priors.features import luma_features, with_chroma
from autoquality_train.cli import options
from autoquality_train.cli.corpora import distinct, gather_samples
from autoquality_train.cli.exits import Failed
from autoquality_train.curves import curve, size_curve
from autoquality_train.features import Drawn, write
from autoquality_train.sweeps import known_sweep

LEAST = 100
"""Samples without which a regression of a hundred numbers says nothing."""


@click.command()
@options.learns_from_labels("SETTING.features.json")
@options.settings
@options.seed
def features(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    settings: tuple[str, ...],
    seed: int,
) -> None:
    """Learn to predict curves from the features of an image.

    METHOD_DSSIM and METHOD_SIZE start from that prediction, without any network. CORPUS
    and --seed must be those that `label` was given; samples that a setting has no label of
    are left out of it.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    found: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]]] = {
        setting: [] for setting in settings
    }
    for sample, pixels, digest in distinct(samples, console):
        of_luma = luma_features(pixels)
        both = with_chroma(of_luma, pixels)
        area = pixels.width * pixels.height
        for setting in settings:
            label = known_sweep(digest, setting, sweeps)
            if label is not None:
                row = curve(label, setting), size_curve(label, setting, area), sample.group
                found[setting].append((of_luma, both, *row))
    place = options.ready(out)
    for setting, rows in found.items():
        if len(rows) < LEAST:
            raise Failed(
                f"{sweeps}: {len(rows)} samples of this corpus are labelled by {setting};"
                f" {LEAST} are the least: autoquality-train label ... --settings {setting}"
            )
        drawn = Drawn(
            np.array([row[0] for row in rows]),
            np.array([row[1] for row in rows]),
            np.array([row[2] for row in rows]),
            np.array([row[3] for row in rows]),
            [row[4] for row in rows],
        )
        path = place / f"{setting}.features.json"
        errors = write(path, setting, drawn, name, seed=seed)
        told = ", ".join(f"{which} {100 * error:.1f} %" for which, error in errors.items())
        console.print(f"{path}: {len(rows)} samples; median error: {told}", soft_wrap=True)
