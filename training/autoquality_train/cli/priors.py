"""`autoquality-train priors`, `features` and `offsets`: learned data for searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console

from autoquality_train.cli import options
from autoquality_train.cli.options import Failed
from autoquality_train.cli.samples import distinct, gather_samples
from autoquality_train.corpus.samples import Sample
from autoquality_train.labels.sweeps import USUAL, load_sweep
from autoquality_train.priors import curves as curve_priors
from autoquality_train.priors.curves import SizedSweep
from autoquality_train.priors.features import Row
from autoquality_train.priors.features import write as write_features
from autoquality_train.priors.offsets import Pair
from autoquality_train.priors.offsets import write as write_offsets

LEAST_CURVES = 2
LEAST_ROWS = 100
LEAST_DIFFERENCES = 30
"""The fewest samples to learn priors, features and offsets from."""


@click.command()
@options.learns_from_labels("SETTING.json")
@options.settings
@options.seed
def priors(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    curves: tuple[str, ...],
    settings: tuple[str, ...],
    seed: int,
) -> None:
    """Learn the curve priors of encoders, from which METHOD_DSSIM and METHOD_SIZE start.

    Use the CORPUS and --seed of `label`. Only sweeps at every quality count. The middles of
    samples (`label --middles`) count as images.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    learn_priors(samples, sweeps, options.ready(out), name, curves, settings, console)


def learn_priors(
    samples: Sequence[Sample],
    sweeps: Path,
    out: Path,
    name: str,
    names: Sequence[str],
    settings: Sequence[str],
    console: Console,
) -> None:
    """Write the priors of the curves `names` from samples and their middles. Raises Failed."""
    known: dict[str, list[SizedSweep]] = {setting: [] for setting in settings}
    images: dict[str, set[str]] = {setting: set() for setting in settings}
    everything = [one for sample in samples for one in (sample, sample.middle())]
    for sample, _, digest in distinct(everything, console):
        for setting in settings:
            found = load_sweep(digest, setting, sweeps)
            if found is not None and found.complete:
                known[setting].append(SizedSweep(found, sample.width * sample.height))
                images[setting].add(sample.group)
    for setting, some in known.items():
        _check(len(some), LEAST_CURVES, sweeps, f"swept at every quality by {setting}", setting)
        path = out / f"{setting}.json"
        curve_priors.write(path, setting, some, names, name, len(images[setting]))
        console.print(f"{path}: {len(some)} curves", soft_wrap=True)


@click.command()
@options.learns_from_labels("SETTING.features.json")
@options.settings
@options.seed
def features(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    curves: tuple[str, ...],
    settings: tuple[str, ...],
    seed: int,
) -> None:
    """Learn to predict an image's curves from its features.

    METHOD_DSSIM and METHOD_SIZE start from these predictions, which need no network. Use the
    CORPUS and --seed of `label`. A setting skips samples that it has no label of.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    found: dict[str, list[Row]] = {setting: [] for setting in settings}
    for sample, pixels, digest in distinct(samples, console):
        labels = {one: load_sweep(digest, one, sweeps) for one in settings}
        known = {one: sweep for one, sweep in labels.items() if sweep is not None}
        for setting, row in Row.of(pixels, known, sample.group).items():
            found[setting].append(row)
    options.ready(out)
    for setting, rows in found.items():
        _check(len(rows), LEAST_ROWS, sweeps, f"labelled by {setting}", setting)
        path = out / f"{setting}.features.json"
        errors = write_features(path, setting, rows, curves, name, seed=seed)
        _print(console, path, len(rows), "median error", errors)


@click.command()
@options.learns_from_labels("SETTING.offset.json")
@options.settings_among(USUAL, USUAL)
@options.seed
def offsets(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    curves: tuple[str, ...],
    settings: tuple[str, ...],
    seed: int,
) -> None:
    """Learn the distance of other settings' curves from those of the usual settings.

    These have another effort or another chroma. A search with one starts from there. Use the
    CORPUS and --seed of `label`. Samples without a label by both settings are skipped. Sweeps at
    every quality also show how far the curves fall.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    found: dict[str, list[Pair]] = {one: [] for one in settings}
    for sample, pixels, digest in distinct(samples, console):
        for setting in settings:
            usual, other = (load_sweep(digest, one, sweeps) for one in (USUAL[setting], setting))
            if usual is not None and other is not None:
                found[setting].append(Pair.of(pixels, usual, other, setting, sample.group))
    options.ready(out)
    for setting, some in found.items():
        usual_one = USUAL[setting]
        what = f"labelled by both {setting} and {usual_one}"
        _check(len(some), LEAST_DIFFERENCES, sweeps, what, f"{setting},{usual_one}")
        path = out / f"{setting}.offset.json"
        distances = write_offsets(path, setting, some, curves, name, seed=seed)
        _print(console, path, len(some), "median distance", distances)


def _check(count: int, least: int, sweeps: Path, what: str, settings: str) -> None:
    """Raises Failed if there are fewer than `least` samples."""
    if count < least:
        raise Failed(
            f"{sweeps}: {count} samples of this corpus are {what}, but {least} are needed:"
            f" autoquality-train label ... --settings {settings}"
        )


def _print(
    console: Console, path: Path, samples: int, what: str, values: Mapping[str, float]
) -> None:
    words = ", ".join(f"{name} {100 * value:.1f} %" for name, value in values.items())
    console.print(f"{path}: {samples} samples; {what}: {words}", soft_wrap=True)
