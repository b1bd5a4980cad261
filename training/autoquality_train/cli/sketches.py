"""`autoquality-train sketches`: what a thousand blocks of an image say of its curves."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from rich.console import Console

from autoquality_core.priors.features import coloured, sketch
from autoquality_train.cli import options
from autoquality_train.cli.corpora import distinct, gather_samples
from autoquality_train.cli.exits import Failed
from autoquality_train.curves import curve, size_curve
from autoquality_train.sketches import Drawn, write
from autoquality_train.sweeps import known_sweep

LEAST = 100
"""Samples without which a regression of a hundred numbers says nothing."""


@click.command()
@options.learns_from_labels("SETTING.sketch.json")
@options.settings
@options.seed
def sketches(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    settings: tuple[str, ...],
    seed: int,
) -> None:
    """Learn what a quick look at an image says of its curves.

    METHOD_DSSIM and METHOD_SIZE start from that, without any network. CORPUS
    and --seed must be those that `label` was given; samples that a setting has no label of
    are left out of it.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    found: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]]] = {
        setting: [] for setting in settings
    }
    for sample, pixels, digest in distinct(samples, console):
        numbers = sketch(pixels)
        both = coloured(numbers, pixels)
        area = pixels.width * pixels.height
        for setting in settings:
            label = known_sweep(digest, setting, sweeps)
            if label is not None:
                row = curve(label, setting), size_curve(label, setting, area), sample.group
                found[setting].append((numbers, both, *row))
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
        path = place / f"{setting}.sketch.json"
        errors = write(path, setting, drawn, name, seed=seed)
        told = ", ".join(f"{which} {100 * error:.1f} %" for which, error in errors.items())
        console.print(f"{path}: {len(rows)} samples; median error: {told}", soft_wrap=True)
