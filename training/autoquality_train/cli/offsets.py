"""`autoquality-train offsets`: how far the curves of slower settings are from the usual ones."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from rich.console import Console

from autoquality_train.cli import options
from autoquality_train.cli.corpora import distinct, gather_samples
from autoquality_train.cli.exits import Failed
from autoquality_train.curves import curve, overhead, size_curve
from autoquality_train.offsets import Drawn, write
from autoquality_train.sweeps import USUAL, Sweep, known_sweep

LEAST = 30
"""Samples labelled by both settings without which their difference is not known."""


@click.command()
@options.learns_from_labels("SETTING.offset.json")
@click.option(
    "--settings",
    callback=options.some_of(USUAL),
    metavar="NAMES",
    default=",".join(USUAL),
    show_default=True,
    help="Which encoder settings, with commas between them.",
)
@options.seed
def offsets(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    settings: tuple[str, ...],
    seed: int,
) -> None:
    """Learn how far the curves of slower settings lie from those of the usual ones.

    A search by a slower setting starts from there. CORPUS and --seed must be those that
    `label` was given; samples that lack a label of either setting are left out.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {one: [] for one in settings}
    for _, pixels, digest in distinct(samples, console):
        area = pixels.width * pixels.height
        for setting in settings:
            usual = USUAL[setting]
            slow, quick = (known_sweep(digest, one, sweeps) for one in (setting, usual))
            if slow is None or quick is None:
                continue
            found[setting].append(
                (
                    curve(slow, setting) - curve(quick, usual),
                    _whole_size(slow, setting, area) - _whole_size(quick, usual, area),
                )
            )
    place = options.ready(out)
    for setting, rows in found.items():
        usual = USUAL[setting]
        if len(rows) < LEAST:
            raise Failed(
                f"{sweeps}: {len(rows)} samples of this corpus are labelled by both {setting} and"
                f" {usual}; {LEAST} are the least:"
                f" autoquality-train label ... --settings {setting},{usual}"
            )
        drawn = Drawn(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))
        path = place / f"{setting}.offset.json"
        off = write(path, setting, drawn, name)
        told = ", ".join(f"{which} {100 * error:.1f} %" for which, error in off.items())
        console.print(f"{path}: {len(rows)} samples; median distance: {told}", soft_wrap=True)


def _whole_size(sweep: Sweep, setting: str, area: int) -> np.ndarray:
    """log(bytes per pixel), the file's overhead included: what a search sees."""
    return np.logaddexp(size_curve(sweep, setting, area), np.log(overhead(setting) / area))
