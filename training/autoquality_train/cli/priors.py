"""`autoquality-train priors`: the curves that the search starts from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import pyvips
from rich.console import Console

from autoquality_core.errors import InvalidImage
from autoquality_train.cli import options
from autoquality_train.cli.corpora import gather_samples, tell_left_out
from autoquality_train.cli.exits import Failed
from autoquality_train.priors import Known, write
from autoquality_train.progress import progress
from autoquality_train.samples import Sample, digest_of
from autoquality_train.sweeps import known_sweep


@click.command()
@options.learns_from_labels("SETTING.json")
@options.settings
@options.seed
def priors(
    corpus: tuple[Path, ...],
    sweeps: Path,
    out: Path,
    name: str,
    settings: tuple[str, ...],
    seed: int,
) -> None:
    """Learn what each encoder's curves look like: the priors of METHOD_DSSIM and METHOD_SIZE.

    CORPUS and --seed must be those that `label` was given. Only sweeps at every
    quality count; the middles of samples (`label --middles`) count as images of
    their own.
    """
    console = Console(stderr=True)
    samples = gather_samples(corpus, console, seed=seed, whole=False)
    learn_priors(samples, sweeps, options.ready(out), name, settings, console)


def learn_priors(
    samples: Sequence[Sample],
    sweeps: Path,
    out: Path,
    name: str,
    settings: Sequence[str],
    console: Console,
) -> None:
    """Write the priors of `settings`, in which samples and their middles count. Raises Failed."""
    known: dict[str, list[Known]] = {setting: [] for setting in settings}
    unreadable: list[tuple[Path, str]] = []
    everything = [one for sample in samples for one in (sample, sample.middle())]
    seen: set[str] = set()
    with progress(console, "reading", len(everything)) as advance:
        for sample in everything:
            try:
                digest = digest_of(sample.pixels())
            except (InvalidImage, pyvips.Error, OSError) as error:
                unreadable.append((sample.path, " ".join(str(error).split())))
                continue
            finally:
                advance()
            if digest in seen:
                continue
            seen.add(digest)
            for setting in settings:
                found = known_sweep(digest, setting, sweeps)
                if found is not None and found.complete:
                    known[setting].append(Known(found, sample.width * sample.height))
    tell_left_out(console, unreadable)
    for setting, some in known.items():
        if len(some) < 2:
            raise Failed(
                f"{sweeps}: {len(some)} samples of this corpus are swept at every quality by"
                f" {setting}; label them first: autoquality-train label ... --qualities all"
            )
        path = out / f"{setting}.json"
        write(path, setting, some, name, len({sample.path for sample in samples}))
        console.print(f"{path}: {len(some)} curves", soft_wrap=True)
