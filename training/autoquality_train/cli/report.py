"""`autoquality-train report`: how good networks are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from autoquality_core.metrics import DSSIM, METRICS, Metric
from autoquality_core.networks import LoadOptions, Network, NetworkError, PredictionFailed, load
from autoquality_core.networks.bundled import bundled_network
from autoquality_core.types import Format
from autoquality_train.cli import options
from autoquality_train.cli.options import Failed
from autoquality_train.cli.samples import gather_samples, print_skipped
from autoquality_train.corpus.samples import OnSkip, Sample, Skipped, ignore
from autoquality_train.fitting import network_path
from autoquality_train.judging.judge import Judgement, judge
from autoquality_train.judging.note import note_accuracy
from autoquality_train.progress import progress
from autoquality_train.report import About, write_report
from autoquality_train.report.tables import overview, verdicts, warnings

_DESCRIPTION = ("version", "encoder", "corpus", "training")
"""The fields of a side file that a report shows."""


@click.command(short_help="Judge networks on other images.")
@click.argument("images", nargs=-1, required=True, type=options.FOLDER)
@click.option(
    "--sweeps",
    required=True,
    type=options.FOLDER,
    help="The folder that `label --whole` (with --pieces, `label`) filled from IMAGES at all"
    " qualities.",
)
@click.option(
    "--networks",
    required=True,
    type=options.FOLDER,
    help="The folder of autoquality-FORMAT.pb. Formats without a file are skipped.",
)
@click.option(
    "--out",
    required=True,
    type=options.NEW_FOLDER,
    help="The folder for report.html, report.md and report.json.",
)
@click.option(
    "--pieces",
    is_flag=True,
    help="Judge the samples that `label` cuts from IMAGES without --whole, not whole images.",
)
@click.option(
    "--metric",
    type=click.Choice(list(METRICS)),
    default=DSSIM.name,
    show_default=True,
    help="The metric to judge predictions of.",
)
@click.option("--note", is_flag=True, help="Write a summary into the networks' side files.")
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
    metric: str,
    note: bool,
    first: int | None,
    seed: int,
    formats: tuple[str, ...],
    photographs: tuple[str, ...],
    jobs: int,
) -> None:
    """Judge networks on IMAGES that they were not trained on.

    Encodes nothing: each prediction is compared with the sweep of its image. The service's search
    runs on the sweep with the network, and is compared with simpler searches. The verdict says
    whether to use each network instead of the bundled one.
    """
    console = Console(stderr=True)
    samples = gather_samples(images, console, seed=seed, whole=not pieces)[:first]
    loaded = load_networks(networks, formats, threads=jobs)
    about = {
        "judged": [str(one) for one in images],
        "photographs": photographs,
        "metric": metric,
    }
    found = judge_all(samples, sweeps, networks, loaded, options.ready(out), about, console)
    if note:
        for fmt in loaded:
            names = [one.name for one in images]
            note_accuracy(network_path(networks, fmt), metric, found["formats"][fmt], names)


def load_networks(folder: Path, formats: Sequence[str], *, threads: int) -> dict[str, Network]:
    """The networks of a folder, by format. Raises Failed if there are none or one is unusable."""
    found = {}
    for fmt in formats:
        path = network_path(folder, fmt)
        if path.exists():
            try:
                found[fmt] = load(path, LoadOptions(threads=threads), Format(fmt))
            except NetworkError as error:
                raise Failed(str(error)) from error
    if not found:
        names = ", ".join(network_path(Path(), fmt).name for fmt in formats)
        raise Failed(f"{folder} contains none of {names}; make them with `train`")
    return found


def judge_all(
    samples: Sequence[Sample],
    sweeps: Path,
    folder: Path,
    networks: Mapping[str, Network],
    out: Path,
    about: Mapping[str, Any],
    console: Console,
) -> dict[str, Any]:
    """Judge the networks of a folder, write the report and print its overview.

    `about` has fields of About that are not computed here, `metric` among them. Returns the
    numbers. Raises Failed.
    """
    metric = METRICS[about["metric"]]
    for fmt, network in networks.items():
        if metric.name not in network.info.metrics:
            path = network_path(folder, fmt)
            raise Failed(f"{path} does not predict {metric.name}; add it with `train --base`")
    skipped: list[Skipped] = []
    try:
        judgement = _judge(samples, networks, sweeps, metric, console, skipped.append)
        others = _bundled_instead_of(networks, metric)
        bundled = (
            _judge(samples, others, sweeps, metric, console, ignore) if others else Judgement()
        )
    except (NetworkError, PredictionFailed) as error:
        raise Failed(str(error)) from error
    print_skipped(console, skipped)
    if not judgement.cases:
        raise Failed(
            f"{sweeps}: no image is swept at every quality; label them first:"
            " autoquality-train label IMAGES --whole"
        )
    described = {
        fmt: _description(network_path(folder, fmt), network.info.sha256)
        for fmt, network in networks.items()
    }
    why_skipped = [f"{path.name}: {why}" for path, why in skipped]
    origin = About(networks=described, skipped=why_skipped, **about)
    found = write_report(out, judgement, origin, bundled.cases)
    _print(found, console)
    console.print(f"{out / 'report.html'}", soft_wrap=True)
    for line in (found["about"]["kinds"], *warnings(found["formats"])):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    for line in verdicts(found["formats"]):
        console.print(f"Verdict for {line}", soft_wrap=True, markup=False, highlight=False)
    return found


def _judge(
    samples: Sequence[Sample],
    networks: Mapping[str, Network],
    sweeps: Path,
    metric: Metric,
    console: Console,
    on_skip: OnSkip,
) -> Judgement:
    predict = {
        fmt: partial(network.predict, metric=metric.name) for fmt, network in networks.items()
    }
    with progress(console, "judging", len(samples)) as advance:
        return judge(samples, predict, sweeps, metric, on_skip=on_skip, done=advance)


def _bundled_instead_of(networks: Mapping[str, Network], metric: Metric) -> dict[str, Network]:
    """The bundled networks of the same formats, without those that are judged themselves."""
    found = {}
    for fmt, network in networks.items():
        path = bundled_network(Format(fmt))
        if path is None:
            continue
        bundled = load(path, LoadOptions(), Format(fmt))
        if bundled.info.sha256 != network.info.sha256 and metric.name in bundled.info.metrics:
            found[fmt] = bundled
    return found


def _description(path: Path, sha256: str) -> dict[str, Any]:
    """The file of a network, its digest, and the origin that its side file describes."""
    found: dict[str, Any] = {"file": path.name, "sha256": sha256}
    side_file = path.with_suffix(".json")
    if side_file.exists():
        described = json.loads(side_file.read_text(encoding="utf-8"))
        found |= {name: described[name] for name in _DESCRIPTION if name in described}
    return found


def _print(found: Mapping[str, Any], console: Console) -> None:
    table = overview(found["formats"])
    # One line for each number, because a terminal has no room for as many columns.
    names, *lines = zip(table.columns, *table.rows, strict=True)
    printed = Table(*names, title=table.title, caption=table.caption)
    for line in lines:
        printed.add_row(*line)
    console.print(printed)
