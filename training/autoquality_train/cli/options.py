"""Options that several subcommands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from autoquality_train.cli.exits import Failed
from autoquality_train.files import writable
from autoquality_train.fitting import EPOCHS
from autoquality_train.judging.summary import PHOTOGRAPHS
from autoquality_train.sweeps import NETWORKS, SETTINGS, SWEPT

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Callback = Callable[[click.Context, click.Parameter, str], tuple[str, ...]]

FOLDER = click.Path(exists=True, file_okay=False, readable=True, path_type=Path)
PLACE = click.Path(path_type=Path)


def some_of(known: Iterable[str]) -> Callback:
    """A callback that takes some of a few names, with commas between them, each once."""
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


jobs: Decorator = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=cores,
    show_default="all cores",
    help="How many images are encoded at the same time, each by a process of its own.",
)
first: Decorator = click.option(
    "--first",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only N of the samples, drawn by --seed.",
)
seed: Decorator = click.option(
    "--seed",
    type=int,
    default=1,
    show_default=True,
    help="Of everything that is drawn at random; the same seed, the same samples and networks.",
)
formats: Decorator = click.option(
    "--formats",
    callback=some_of(NETWORKS),
    metavar="NAMES",
    default=",".join(NETWORKS),
    show_default=True,
    help="Which networks, with commas between them.",
)
settings: Decorator = click.option(
    "--settings",
    callback=some_of(SWEPT),
    metavar="NAMES",
    default=",".join(SETTINGS),
    show_default=True,
    help="Which encoder settings, with commas between them. Networks need jpeg-mozjpeg, webp"
    " and avif; jpeg (plain) is for `priors`; "
    f"{', '.join(name for name in SWEPT if name not in SETTINGS)} for `offsets`.",
)
epochs: Decorator = click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=EPOCHS,
    show_default=True,
    help="How often the network sees every sample.",
)
photographs: Decorator = click.option(
    "--photographs",
    multiple=True,
    default=PHOTOGRAPHS,
    show_default=True,
    metavar="PATTERN",
    help="Which folders of judged images hold photographs; the report tells them from the rest.",
)


def ready(folder: Path) -> Path:
    """`folder`, made and tried. Raises Failed where nothing can be written there."""
    why = writable(folder)
    if why is not None:
        raise Failed(f"{folder}: cannot be written to ({why}); name another folder")
    return folder


def learns_from_labels(files: str) -> Decorator:
    """The arguments of a command that makes `files` for the search, of a corpus and its labels."""
    given = (
        click.argument("corpus", nargs=-1, required=True, type=FOLDER),
        click.option("--sweeps", required=True, type=FOLDER, help="What `label` made."),
        click.option(
            "--out",
            required=True,
            type=PLACE,
            help=f"Where {files} go; the server reads those in core/autoquality_core/priors.",
        ),
        click.option("--name", required=True, help="What to call the corpus in the files."),
    )

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        for one in reversed(given):
            command = one(command)
        return command

    return decorated
