"""Options that several subcommands share, and the error that ends a command."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from autoquality_core.metrics import METRICS
from autoquality_train.files import make_writable
from autoquality_train.fitting import EPOCHS
from autoquality_train.judging.summary import PHOTOGRAPHS
from autoquality_train.labels.curves import CURVES
from autoquality_train.labels.sweeps import EFFORTS, NETWORKS, SETTINGS, SWEPT

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Callback = Callable[[click.Context, click.Parameter, str], tuple[str, ...]]

FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)
NEW_FOLDER = click.Path(path_type=Path)


class Failed(click.ClickException):
    """The command failed: exit code 1, and a sentence that says what to do."""


def some_of(known: Iterable[str]) -> Callback:
    """A callback that parses comma-separated names."""
    names = tuple(known)

    def chosen(_: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
        found = tuple(dict.fromkeys(name.strip() for name in value.split(",")))
        for name in found:
            if name not in names:
                raise click.BadParameter(f"{name!r} is none of {', '.join(names)}", param=parameter)
        return found

    return chosen


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def settings_among(known: Iterable[str], default: Iterable[str], about: str = "") -> Decorator:
    """The option --settings for encoder settings among `known`."""
    return click.option(
        "--settings",
        callback=some_of(known),
        metavar="NAMES",
        default=",".join(default),
        show_default=True,
        help=f"Encoder settings, separated by commas.{about}",
    )


corpus_folders: Decorator = click.argument("corpus", nargs=-1, required=True, type=FOLDER)
sweeps: Decorator = click.option(
    "--sweeps", required=True, type=FOLDER, help="The folder that `label` filled."
)
jobs: Decorator = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=cores,
    show_default="all cores",
    help="The number of images to work on at the same time, each on a core.",
)
first: Decorator = click.option(
    "--first",
    type=click.IntRange(min=1),
    metavar="N",
    help="Take only N samples, in an order that depends on --seed.",
)
seed: Decorator = click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="The seed of all random choices. The same seed gives the same samples and networks.",
)
formats: Decorator = click.option(
    "--formats",
    callback=some_of(NETWORKS),
    metavar="NAMES",
    default=",".join(NETWORKS),
    show_default=True,
    help="The formats of the networks, separated by commas.",
)
settings: Decorator = settings_among(
    SWEPT,
    SETTINGS,
    " Networks need jpeg-mozjpeg, webp, avif and jxl. `priors` and `features` also use plain jpeg,"
    f" and `offsets` {', '.join(EFFORTS)}.",
)
epochs: Decorator = click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=EPOCHS,
    show_default=True,
    help="How often the network sees every sample.",
)
metrics: Decorator = click.option(
    "--metrics",
    callback=some_of(METRICS),
    metavar="NAMES",
    default=",".join(METRICS),
    show_default=True,
    help="The metrics, separated by commas.",
)
photographs: Decorator = click.option(
    "--photographs",
    multiple=True,
    default=PHOTOGRAPHS,
    show_default=True,
    metavar="PATTERN",
    help="Names of folders of judged images that contain photographs. The report shows them apart"
    " from other images, which count as graphics, and says which folder counts as what.",
)


curves: Decorator = click.option(
    "--curves",
    callback=some_of(CURVES),
    metavar="NAMES",
    default=",".join(CURVES),
    show_default=True,
    help="The curves to learn, separated by commas. Others in existing files stay as they are.",
)


def ready(folder: Path) -> Path:
    """`folder`, created if necessary. Raises Failed if it is not writable."""
    try:
        make_writable(folder)
    except OSError as error:
        why = error.strerror or error
        raise Failed(f"{folder} is not writable ({why}); use another folder") from error
    return folder


def priors_folder(files: str) -> Decorator:
    """The option --out of a command that writes learned data for searches."""
    return click.option(
        "--out",
        required=True,
        type=NEW_FOLDER,
        help=f"The folder for {files}. The server reads core/autoquality_core/priors.",
    )


corpus_name: Decorator = click.option(
    "--name", required=True, help="The name of the corpus in the files."
)


def learns_from_labels(files: str) -> Decorator:
    """The arguments of a command that learns `files` for searches from a corpus and its labels."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        for one in (curves, corpus_name, priors_folder(files), sweeps, corpus_folders):
            command = one(command)
        return command

    return decorated
