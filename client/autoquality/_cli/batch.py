"""`autoquality batch SOURCE DEST`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from autoquality._cli.command import Command, not_empty
from autoquality._cli.errors import FAILED, Failure
from autoquality._cli.formats import format_named, format_options, one_choice
from autoquality._cli.numbers import Number, WholeNumber
from autoquality._cli.options import encode_arguments, encode_options
from autoquality._cli.session import Session
from autoquality._enums import Format


def _joined(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> str:
    return " ".join(values)


@click.command(cls=Command, short_help="Encode millions of files, with a manifest to resume from.")
@click.argument("source", metavar="SOURCE", callback=not_empty)
@click.argument("dest", metavar="DEST", callback=not_empty)
@format_options("keep")
@click.option(
    "--server",
    multiple=True,
    callback=_joined,
    metavar="HOST:PORT",
    help="Address of a server. Repeat it for several servers, or separate them by commas.",
)
@click.option(
    "--manifest",
    "manifest_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Local file with a line for each result.  [default: autoquality-manifest.jsonl in DEST]",
)
@click.option("--retry-failed", is_flag=True, help="Try files again that failed in earlier runs.")
@click.option(
    "--in-flight",
    type=WholeNumber(min=1),
    default=2000,
    show_default=True,
    help="Files that are read, waiting for a server, encoded or written at the same time.",
)
@click.option(
    "--memory",
    type=WholeNumber(min=1),
    default=1024,
    show_default=True,
    metavar="MIB",
    help="Memory for the files in flight. A file counts four times its size.",
)
@click.option(
    "--connections",
    type=WholeNumber(min=1),
    default=64,
    show_default=True,
    help="Files that are read or written at the same time.",
)
@click.option(
    "--outage",
    type=Number(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="End the run when no server has answered for so long.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.option("--quiet", is_flag=True, help="Print only errors, and JSON with --json.")
@encode_options
@click.pass_obj
def batch(
    session: Session,
    /,
    source: str,
    dest: str,
    format_name: str | None,
    candidates: tuple[Format, ...],
    accept: tuple[Format, ...],
    **options: Any,
) -> None:
    """Encode all images of the folder SOURCE to the folder DEST.

    Each may be a path or a URL of fsspec, such as s3://bucket/photos. Links in SOURCE are
    followed to files, but not to folders, which the summary lists. Files go to all servers,
    as many as each can work on. A server that does not answer gets no files until it does.

    A file is done when the manifest has its line. The same command continues where an earlier
    run was interrupted or killed. It processes files that are new, that have changed, or that
    were processed with other options, and with --retry-failed also those that failed.

    The extra 'autoquality[batch]' is needed, and a package for the object store, such as s3fs.
    docs/batch.md describes the manifest.

    \b
    Examples:
      autoquality batch photos/ small/ --format webp --target high
      autoquality batch photos/ small/ --candidates avif,webp --target high --retry-failed
      autoquality batch s3://in/photos s3://out/small --manifest photos.jsonl \\
          --server one.example:50051 --server two.example:50051 --format avif --target high

    \b
    Keys of the JSON object:
      this_run          done, failed, skipped, skipped_failed, not_tried,
                        linked_folders
      manifest          its path
      files, outcomes, failures, source_bytes, size_bytes,
      saved_percent, histograms      of all files in the manifest
    """  # noqa: D301 (click reads \b)
    try:
        from autoquality._batch.command import run
    except ModuleNotFoundError as error:
        if error.name == "fcntl":
            raise Failure("batch needs Linux or another POSIX system") from error
        if (error.name or "").partition(".")[0] != "fsspec":
            raise
        raise Failure("batch needs its extra: pip install 'autoquality[batch]'") from error
    arguments: Any = encode_arguments(options)
    several = one_choice(format_name, candidates, accept)
    arguments.update(format=None if several else format_named(format_name), candidates=several)
    if not run(session, source, dest, arguments, **options):
        sys.exit(FAILED)
