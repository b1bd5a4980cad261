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

from autoquality._accept import formats_accepted
from autoquality._base_client import STREAM_ABOVE
from autoquality._cli.batch import Batch, Done, Failed, Result
from autoquality._cli.errors import FAILED, failures
from autoquality._cli.options import encode_arguments, encode_options
from autoquality._cli.paths import (
    STANDARD,
    Destination,
    OutputPaths,
    Source,
    find_sources,
    format_of,
)
from autoquality._cli.report import as_json, print_details, print_table
from autoquality._cli.session import Session, print_line
from autoquality._enums import JPG, Format, parse
from autoquality._results import Limits

_KEEP = "keep"
_FORMATS = [*(str(format) for format in Format if format is not Format.UNKNOWN), JPG]


def _formats(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[Format, ...]:
    """Parse formats separated by commas."""
    names = [name.strip() for name in (value or "").split(",") if name.strip()]
    try:
        return tuple(dict.fromkeys(parse(Format, name, "a format") for name in names))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _accepted(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[Format, ...]:
    """Parse an Accept header."""
    try:
        return () if value is None else formats_accepted(value)
    except ValueError as error:
        raise click.BadParameter(str(error).removeprefix("accept ")) from error


@click.command()
@click.argument("named", metavar="FILES_OR_FOLDERS...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Output file, or output folder for several images.  [default: next to each source]",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice([*_FORMATS, _KEEP]),
    help="Output format.  [default: from the suffix of the output file, else keep]",
)
@click.option(
    "--candidates",
    callback=_formats,
    metavar="FORMATS",
    help="Formats to choose the smallest file from, such as avif,webp,jpeg. For size, the best one"
    " within the budget.",
)
@click.option(
    "--accept",
    callback=_accepted,
    metavar="HEADER",
    help="The same as an Accept header, such as 'image/avif,image/webp,*/*'.",
)
@encode_options
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Images to encode at the same time.  [default: the server's number of workers]",
)
@click.option("--json", "json_lines", is_flag=True, help="Print one JSON object per image.")
@click.pass_obj
def encode(
    session: Session,
    /,
    named: tuple[str, ...],
    output: str | None,
    format_name: str | None,
    candidates: tuple[Format, ...],
    accept: tuple[Format, ...],
    force: bool,
    jobs: int | None,
    json_lines: bool,
    **options: Any,
) -> None:
    """Encode images at the best quality for a target.

    A folder stands for all images in it, except hidden files. The output folder keeps its
    structure. A result has the name of its source, with the suffix of its format. "-" is
    standard input or output. If an image fails, stderr says why, the others continue, and the
    exit code is 1.

    \b
    Examples:
      autoquality encode photo.png --format webp --target high
      autoquality encode photo.jpg -o small.jpg --method dssim:0.02:70:80:0.001
      autoquality encode photos/ -o small/ --format avif --method size --target 50000
      autoquality encode - --format jpeg --quality 80 < photo.png > photo.jpg
      autoquality encode photos/ -o small/ --json | jq .saved_percent
      autoquality encode photos/ -o small/ --candidates avif,webp --target high

    \b
    Keys of a JSON object:
      always        source, ok, request_id
      ok is true    output, source_bytes, size_bytes, saved_percent, format,
                    quality, alpha_quality, dssim, ssimulacra2, iterations,
                    outcome, applied, predicted_quality, probes,
                    timings (seconds), notices, width, height, frames,
                    lossless, candidates
      ok is false   error, code, reason, field_violations
    """  # noqa: D301 (click reads \b)
    arguments = encode_arguments(options)
    several = _one_choice(format_name, candidates, accept)
    destination = _destination(named, output, json_lines)
    skip = destination.folder if destination else None
    sources = list(find_sources(named, skip))
    if not sources:
        raise click.UsageError("the folders contain no images")
    if several:
        format = None
    elif format_name is None:
        format = format_of(destination.file) if destination and destination.file else None
    else:
        format = None if format_name == _KEEP else Format(format_name)
    with session.connect() as client:
        with failures(session.server):
            # An unreachable server is reported here, once, and not for every image.
            limits = client.info().limits
        batch = Batch(
            client=client,
            encode=functools.partial(
                client.encode,
                format=format,
                candidates=several,
                stream_above=_stream_above(limits),
                **arguments,
            ),
            format=format,
            chosen=bool(several),
            paths=None if destination is None else OutputPaths(destination, force=force),
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


def _one_choice(
    format_name: str | None, candidates: tuple[Format, ...], accept: tuple[Format, ...]
) -> tuple[Format, ...]:
    """Return the candidates. Raises click.UsageError if the format is given in several ways."""
    given = {"--format": format_name, "--candidates": candidates, "--accept": accept}
    names = [name for name, value in given.items() if value]
    if len(names) > 1:
        raise click.UsageError(f"give only one of {' and '.join(names)}")
    return candidates or accept


def _stream_above(limits: Limits) -> int | None:
    """Return the size above which to stream: at most the server's limit for one message."""
    return min(STREAM_ABOVE, limits.max_image_bytes) if limits.max_stream_bytes else None


def _destination(
    named: tuple[str, ...], output: str | None, json_lines: bool
) -> Destination | None:
    """Return where results go, or None for standard output. Raises click.UsageError."""
    if named.count(STANDARD) > 1:
        raise click.UsageError('"-" (standard input) can be given only once')
    single_file = len(named) == 1 and not Path(named[0]).is_dir()
    if output == STANDARD or (output is None and named == (STANDARD,)):
        if not single_file:
            raise click.UsageError("standard output takes only one image: use -o with a folder")
        if json_lines:
            raise click.UsageError("--json and the image cannot both go to standard output")
        if sys.stdout.isatty():
            raise click.UsageError("will not write an image to a terminal: redirect it or use -o")
        return None
    if output is None:
        return Destination()
    names_folder = output.endswith(("/", os.sep)) or Path(output).is_dir()
    if single_file and not names_folder:
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
    """Encode, and report each result. Appends to `results`, so that Ctrl-C loses none."""
    err = session.err()
    running = contextlib.closing(batch.run(sources, min(jobs, len(sources))))
    with _progress(err) as progress, running as finished:
        bar = progress.add_task("encoding", total=len(sources))
        for result in finished:
            results.append(result)
            progress.advance(bar)
            if json_lines:
                click.echo(as_json(result))
            if isinstance(result, Done):
                _print_notices(err, result, verbose=session.verbose)
            elif not json_lines:
                print_line(err, f"autoquality: {result.source.name}: {result.message}")


def _print_notices(err: Console, result: Done, *, verbose: bool) -> None:
    for notice in result.encoded.notices:
        print_line(err, f"{result.source.name}: {notice.message}")
    if verbose:
        print_details(err, result)


def _progress(console: Console) -> Progress:
    """Return a progress bar, which shows only on a terminal and disappears at the end."""
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
