"""`autoquality-train offsets`: how far the curves of slower settings are from the usual ones."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pyvips
from rich.console import Console

from autoquality_server.errors import InvalidImage
from autoquality_train.cli import options
from autoquality_train.cli.corpora import gather_samples, tell_left_out
from autoquality_train.cli.exits import Failed
from autoquality_train.curves import curve, overhead, size_curve
from autoquality_train.offsets import Drawn, write
from autoquality_train.progress import progress
from autoquality_train.samples import digest_of
from autoquality_train.sweeps import USUAL, Sweep, known_sweep

LEAST = 30
"""Samples labelled by both settings without which their difference is not known."""


@click.command()
@click.argument("corpus", nargs=-1, required=True, type=options.FOLDER)
@click.option("--sweeps", required=True, type=options.FOLDER, help="What `label` made.")
@click.option(
    "--out",
    required=True,
    type=options.PLACE,
    help="Where SETTING.offset.json go; the server reads those in"
    " server/autoquality_server/methods/priors.",
)
@click.option("--name", required=True, help="What to call the corpus in the files.")
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
    unreadable: list[tuple[Path, str]] = []
    seen: set[str] = set()
    with progress(console, "reading", len(samples)) as advance:
        for sample in samples:
            try:
                pixels = sample.pixels()
            except (InvalidImage, pyvips.Error, OSError) as error:
                unreadable.append((sample.path, " ".join(str(error).split())))
                continue
            finally:
                advance()
            digest, area = digest_of(pixels), pixels.width * pixels.height
            if digest in seen:
                continue
            seen.add(digest)
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
    tell_left_out(console, unreadable)
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
