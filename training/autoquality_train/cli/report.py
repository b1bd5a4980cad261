"""`autoquality-train report`: how good networks are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from autoquality_core.networks import NetworkError, PredictionFailed
from autoquality_train.cli import options
from autoquality_train.cli.corpora import gather_samples, tell_left_out
from autoquality_train.cli.exits import Failed
from autoquality_train.judging.judge import Judgement, judge
from autoquality_train.judging.networks import LoadedNetwork, load_networks
from autoquality_train.judging.note import note_accuracy
from autoquality_train.progress import progress
from autoquality_train.report import About, write_report
from autoquality_train.report.tables import overview
from autoquality_train.samples import Sample

_TOLD = ("version", "encoder", "corpus", "training")


@click.command()
@click.argument("images", nargs=-1, required=True, type=options.FOLDER)
@click.option(
    "--sweeps",
    required=True,
    type=options.FOLDER,
    help="What `label --whole` (or with --pieces, `label`) made of IMAGES, at every quality.",
)
@click.option(
    "--networks",
    required=True,
    type=options.FOLDER,
    help="Where autoquality-FORMAT.pb are; formats without one are passed over.",
)
@click.option("--out", required=True, type=options.PLACE, help="Where report.html, .md, .json go.")
@click.option(
    "--pieces",
    is_flag=True,
    help="Judge the samples of IMAGES, as `label` cuts them without --whole, not whole images.",
)
@click.option("--note", is_flag=True, help="Write what was found into the side files, in short.")
@options.first
@options.seed
@options.formats
@options.photographs
@options.jobs
def report(
    images: tuple[Path, ...],
    sweeps: Path,
    networks: Path,
    out: Path,
    pieces: bool,
    note: bool,
    first: int | None,
    seed: int,
    formats: tuple[str, ...],
    photographs: tuple[str, ...],
    jobs: int,
) -> None:
    """Judge networks on IMAGES that they were not trained on.

    Nothing is encoded: each prediction is compared with the sweep of its image,
    and the service's own search runs on the sweep, beside others that know less.
    """
    console = Console(stderr=True)
    samples = gather_samples(images, console, seed=seed, whole=not pieces)[:first]
    loaded = load(networks, formats, threads=jobs)
    about = {"judged": [str(one) for one in images], "photographs": photographs}
    found = judge_all(samples, sweeps, loaded, options.ready(out), about, console)
    if note:
        for fmt, network in loaded.items():
            note_accuracy(network.path, found["formats"][fmt], [one.name for one in images])


def load(folder: Path, formats: Sequence[str], *, threads: int) -> dict[str, LoadedNetwork]:
    """The networks of a folder. Raises Failed if there are none, or one cannot be used."""
    try:
        found = load_networks(folder, formats, threads=threads)
    except NetworkError as error:
        raise Failed(str(error)) from error
    if not found:
        names = ", ".join(f"autoquality-{fmt}.pb" for fmt in formats)
        raise Failed(f"{folder}: none of {names} is there; `train` makes them")
    return found


def judge_all(
    samples: Sequence[Sample],
    sweeps: Path,
    networks: Mapping[str, LoadedNetwork],
    out: Path,
    about: Mapping[str, Any],
    console: Console,
) -> dict[str, Any]:
    """Judge, write the report, show what most want to know; answers the numbers. Raises Failed.

    `about` holds fields of About that are not found out here.
    """
    skipped: list[tuple[Path, str]] = []
    with progress(console, "judging", len(samples)) as advance:
        try:
            judgement: Judgement = judge(
                samples,
                {fmt: network.predict for fmt, network in networks.items()},
                sweeps,
                skipped=lambda path, why: skipped.append((path, why)),
                done=advance,
            )
        except PredictionFailed as error:
            raise Failed(str(error)) from error
    tell_left_out(console, skipped)
    if not judgement.cases:
        raise Failed(
            f"{sweeps}: no image is swept at every quality; label them first:"
            " autoquality-train label IMAGES --whole"
        )
    told = {fmt: _told(network) for fmt, network in networks.items()}
    left = [f"{path.name}: {why}" for path, why in skipped]
    found = write_report(out, judgement, About(networks=told, skipped=left, **about))
    _show(found, console)
    console.print(f"{out / 'report.html'}", soft_wrap=True)
    return found


def _told(network: LoadedNetwork) -> dict[str, Any]:
    """What is known of a network: its file, and what its side file says of its making."""
    found = {"file": network.path.name, "sha256": network.sha256}
    beside = network.path.with_suffix(".json")
    if beside.exists():
        told = json.loads(beside.read_text(encoding="utf-8"))
        found |= {name: told[name] for name in _TOLD if name in told}
    return found


def _show(found: Mapping[str, Any], console: Console) -> None:
    table = overview(found["formats"])
    # A line a number rather than a column: this has to fit a terminal.
    names, *lines = zip(table.columns, *table.rows, strict=True)
    shown = Table(*names, title=table.title, caption=table.caption)
    for line in lines:
        shown.add_row(*line)
    console.print(shown)
