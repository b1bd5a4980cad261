"""`autoquality encode FILES_OR_FOLDERS...`."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autoquality._cli.batch import Batch, Done, Failed, Result
from autoquality._cli.exits import FAILED, failures
from autoquality._cli.options import encode_arguments, encode_options
from autoquality._cli.places import (
    STANDARD,
    Claims,
    Destination,
    Source,
    find_sources,
    format_of,
)
from autoquality._cli.report import as_json, print_details, print_table
from autoquality._cli.session import Session, say
from autoquality._client import STREAM_ABOVE
from autoquality._enums import Format
from autoquality._results import Limits

_KEEP = "keep"
_FORMATS = [str(format) for format in Format if format is not Format.UNKNOWN]


@click.command()
@click.argument("named", metavar="FILES_OR_FOLDERS...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="A file, or a folder for several results.  [default: beside each source]",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice([*_FORMATS, _KEEP]),
    help="What to write.  [default: as the output file is named, else keep]",
)
@encode_options
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="How many images at once.  [default: as many as the server works on at once]",
)
@click.option("--json", "json_lines", is_flag=True, help="Print one JSON object an image.")
@click.pass_obj
def encode(
    session: Session,
    /,
    named: tuple[str, ...],
    output: str | None,
    format_name: str | None,
    force: bool,
    jobs: int | None,
    json_lines: bool,
    **options: Any,
) -> None:
    """Encode images at the quality that fits best.

    Folders are walked, and their tree is kept in the output folder; hidden
    files are left out. A result is named after its source and its format. "-"
    is standard input or output. What cannot be encoded is listed on stderr and
    does not stop the rest; the exit code is then 1.

    \b
    Examples:
      autoquality encode photo.png --format webp
      autoquality encode photo.jpg -o small.jpg --method dssim:0.02:70:80:0.001
      autoquality encode photos/ -o small/ --format avif --method size --target 50000
      autoquality encode - --format jpeg --quality 80 < photo.png > photo.jpg
      autoquality encode photos/ -o small/ --json | jq .saved_percent

    \b
    Keys of a JSON object:
      always        source, ok, request_id
      ok is true    output, source_bytes, size_bytes, saved_percent, format,
                    quality, alpha_quality, dssim, iterations, outcome,
                    applied, predicted_quality, probes, timings (seconds),
                    notices, width, height, frames
      ok is false   error, code, reason, field_violations
    """  # noqa: D301 (click reads \b)
    destination = _destination(named, output, json_lines)
    skip = destination.folder if destination else None
    sources = list(find_sources(named, skip))
    if not sources:
        raise click.UsageError("there is no image in the folders given")
    if format_name is None:
        format = format_of(destination.file) if destination and destination.file else None
    else:
        format = None if format_name == _KEEP else Format(format_name)
    with session.connect() as client:
        with failures(session.server):
            # Asked in any case: a server that is not there is said once, not
            # once an image.
            limits = client.info().limits
        batch = Batch(
            client=client,
            encode=functools.partial(
                client.encode,
                format=format,
                stream_above=_stream_above(limits),
                **encode_arguments(options),
            ),
            format=format,
            claims=None if destination is None else Claims(destination, force=force),
        )
        results = list[Result]()
        try:
            _run(session, batch, sources, jobs or max(1, limits.workers), json_lines, results)
        finally:
            if not json_lines:
                to_stderr = destination is None
                print_table(session.err() if to_stderr else session.out(), results)
    if any(isinstance(result, Failed) for result in results):
        sys.exit(FAILED)


def _stream_above(limits: Limits) -> int | None:
    """Whatever the server would refuse as one message is streamed, where it can be."""
    return min(STREAM_ABOVE, limits.max_image_bytes) if limits.max_stream_bytes else None


def _destination(
    named: tuple[str, ...], output: str | None, json_lines: bool
) -> Destination | None:
    """Where results go, None for standard output. Raises click.UsageError."""
    if named.count(STANDARD) > 1:
        raise click.UsageError("standard input can be encoded once only")
    lone_file = len(named) == 1 and not Path(named[0]).is_dir()
    if output == STANDARD or (output is None and named == (STANDARD,)):
        if not lone_file:
            raise click.UsageError("only one image fits standard output: name a folder with -o")
        if json_lines:
            raise click.UsageError("--json and the image cannot both go to standard output")
        if sys.stdout.isatty():
            raise click.UsageError("an image is not for a terminal: redirect it or use -o")
        return None
    if output is None:
        return Destination()
    names_folder = output.endswith(("/", os.sep)) or Path(output).is_dir()
    if lone_file and not names_folder:
        return Destination(file=Path(output))
    if Path(output).is_file():
        raise click.UsageError(f"{output} is a file, but several images need a folder")
    return Destination(folder=Path(output))


def _run(
    session: Session,
    batch: Batch,
    sources: list[Source],
    jobs: int,
    json_lines: bool,
    results: list[Result],
) -> None:
    """Encode, telling as it goes; `results` grows, so that Ctrl-C loses none."""
    err = session.err()
    running = contextlib.closing(batch.run(sources, min(jobs, len(sources))))
    with _progress(err) as progress, running as done_so_far:
        bar = progress.add_task("encoding", total=len(sources))
        for result in done_so_far:
            results.append(result)
            progress.advance(bar)
            if json_lines:
                click.echo(as_json(result))
            if isinstance(result, Done):
                _tell(err, result, verbose=session.verbose)
            elif not json_lines:
                say(err, f"autoquality: {result.source.name}: {result.message}")


def _tell(err: Console, result: Done, *, verbose: bool) -> None:
    for notice in result.encoded.notices:
        say(err, f"{result.source.name}: {notice.message}")
    if verbose:
        print_details(err, result)


def _progress(console: Console) -> Progress:
    """A bar that only a person at a terminal sees, and that leaves no trace."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )
