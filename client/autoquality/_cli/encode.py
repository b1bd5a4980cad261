"""`autoquality encode FILES_OR_FOLDERS...`."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Any

import click

from autoquality._base_client import stream_above
from autoquality._cli.command import Command, not_empty
from autoquality._cli.errors import FAILED, Unreachable, failures
from autoquality._cli.formats import format_named, format_options, one_choice
from autoquality._cli.images import Encoding, Failed, Result
from autoquality._cli.numbers import WholeNumber
from autoquality._cli.options import encode_arguments, encode_options
from autoquality._cli.paths import (
    STANDARD,
    Destination,
    OutputPaths,
    find_sources,
    format_of,
    skipped_links,
)
from autoquality._cli.report import MANY, Reporter
from autoquality._cli.session import Session, print_line
from autoquality._enums import Format
from autoquality._errors import UnavailableError


@click.command(cls=Command)
@click.argument("named", metavar="FILES_OR_FOLDERS...", callback=not_empty, nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    callback=not_empty,
    metavar="PATH",
    help="Output file, or output folder for several images.  [default: next to each source]",
)
@format_options("from the suffix of the output file, else keep")
@encode_options
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option("--skip-existing", is_flag=True, help="Skip images whose output exists.")
@click.option(
    "--jobs",
    type=WholeNumber(min=1),
    help="Images to encode at the same time.  [default: the server's number of workers]",
)
@click.option("--json", "json_lines", is_flag=True, help="Print one JSON object per image.")
@click.option(
    "--summary/--rows",
    default=None,
    help=f"Print counts or a row per image.  [default: counts for more than {MANY} images]",
)
@click.option("--quiet", is_flag=True, help="Print only errors, and JSON with --json.")
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
    skip_existing: bool,
    jobs: int | None,
    json_lines: bool,
    summary: bool | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Encode images at the best quality for a target.

    A folder stands for all images in it, except hidden files. Links in it are followed to files,
    but not to folders, which stderr lists. The output folder keeps its structure. A result has
    the name of its source, with the suffix of its format. "-" is standard input or output. If an
    image fails, stderr says why, the others continue, and the exit code is 1. If several in a row
    cannot reach the server, the others are not tried, and the exit code is 3. With
    several jobs, an image that a full server keeps refusing, or during which the server was lost,
    is tried once more, alone.

    \b
    Examples:
      autoquality encode photo.png --format webp --target high
      autoquality encode photo.jpg -o small.jpg --format jpeg --method dssim:0.02:10:95:0.001
      autoquality encode photos/ -o small/ --format avif --target 50kB --min 10 --max 95
      autoquality encode photos/ -o small/ --format avif --target high --skip-existing
      autoquality encode - --format jpeg --quality 80 < photo.png > photo.jpg
      autoquality encode photos/ -o small/ --format webp --target high --json | jq .saved_percent
      autoquality encode photos/ -o small/ --candidates avif,webp --target high

    \b
    Keys of a JSON object:
      always        source, ok, request_id
      ok is true    output, source_bytes, size_bytes, saved_percent, format,
                    quality, alpha_quality, dssim, ssimulacra2, iterations,
                    outcome, applied, predicted_quality, probes,
                    timings (seconds), notices, width, height, frames,
                    lossless, near_lossless, candidates
      ok is false   error, code, reason, field_violations
      skipped       ok (true), skipped (true), output
    """  # noqa: D301 (click reads \b)
    arguments = encode_arguments(options)
    several = one_choice(format_name, candidates, accept)
    destination = _destination(named, output, json_lines)
    if force and skip_existing:
        raise click.UsageError("--force and --skip-existing contradict each other")
    skip = destination.folder if destination else None
    linked = list[Path]()
    sources = list(find_sources(named, skip, linked))
    if linked and not quiet:
        print_line(session.err(), f"autoquality: skipped {skipped_links(linked)}")
    if not sources:
        raise click.UsageError("the folders contain no images")
    file = destination.file if destination else None
    format = None if several else _format(format_name, file)
    with session.connect() as client:
        with failures(session.server):
            # An unreachable server is reported here, once, and not for every image.
            limits = client.info().limits
        encoding = Encoding(
            client=client,
            encode=functools.partial(
                client.encode,
                format=format,
                candidates=several,
                stream_above=stream_above(limits),
                **arguments,
            ),
            format=format,
            candidates=several,
            paths=None if destination is None else OutputPaths(destination, force=force),
            skip_existing=skip_existing,
            pipe_bytes=max(limits.max_image_bytes, limits.max_stream_bytes) + 1,
        )
        report = Reporter(
            session,
            json_lines=json_lines,
            quiet=quiet,
            summary=len(sources) > MANY if summary is None else summary,
            to_stderr=destination is None,
        )
        results = report.show(encoding.run(sources, jobs or limits.workers), len(sources))
    _exit(results)


def _exit(results: list[Result]) -> None:
    """End the command if an image failed."""
    failed = [result for result in results if isinstance(result, Failed)]
    unreachable = [one.error for one in failed if isinstance(one.error, UnavailableError)]
    if not_tried := sum(not one.tried for one in failed):
        raise Unreachable(
            f"server gone, {not_tried} files not tried: {unreachable[-1]}; "
            "the same command with --skip-existing continues"
        )
    if failed:
        sys.exit(Unreachable.exit_code if len(unreachable) == len(results) else FAILED)


def _format(name: str | None, file: Path | None) -> Format | None:
    """Return the output format, or None for that of the source.

    Raises click.UsageError if the suffix of the output file is unknown or contradicts `name`.
    """
    format = format_named(name)
    if file is None or not file.suffix:
        return format
    suffix = format_of(file)
    if suffix is None:
        right = ", ".join(one.suffix for one in Format if one is not Format.UNKNOWN)
        raise click.UsageError(f"{file}: no format has the suffix {file.suffix}: use {right}")
    if format is not None and format is not suffix:
        raise click.UsageError(
            f"{file} is the name of a {suffix} file, which contradicts --format {format}: use "
            f"{file.with_suffix(format.suffix)}"
        )
    return suffix if name is None else format


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
    if not names_folder and (format := format_of(Path(output))):
        raise click.UsageError(
            f"{output} is the name of a {format} file, but several images need a folder: use "
            f"{output}{os.sep} to make a folder with this name"
        )
    return Destination(folder=Path(output))
