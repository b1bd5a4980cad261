"""`autoquality compare A B`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from autoquality._cli.command import Command
from autoquality._cli.errors import Failure, failures
from autoquality._cli.session import Session, print_line
from autoquality._errors import InvalidRequestError
from autoquality._results import as_fields

_FILE = click.Path(path_type=Path)


@click.command(cls=Command)
@click.argument("reference", metavar="A", type=_FILE)
@click.argument("distorted", metavar="B", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def compare(session: Session, reference: Path, distorted: Path, as_json: bool) -> None:
    """Measure how much the image B differs from the image A.

    Both images must have the same size in pixels. The DSSIM is 0 for identical images, and at
    most 1. The SSIMULACRA2 is 100 for identical images, and less for worse ones: from 90 they
    look the same, 70 is high quality, 50 medium, 30 low.

    \b
    Example:
      autoquality compare photo.png photo.webp
    """  # noqa: D301 (click reads \b)
    with session.connect() as client, failures(session.server):
        try:
            result = client.compare(reference, distorted)
        except InvalidRequestError as error:
            # The server knows no names of files.
            field, _, problem = error.message.partition(": ")
            names = {"reference": reference, "distorted": distorted}
            if field not in names:
                raise
            raise Failure(f"{names[field]}: {problem}") from error
    if session.verbose:
        print_line(session.err(), f"request {result.request_id}")
    if as_json:
        click.echo(json.dumps(as_fields(result)))
    else:
        parts = [f"DSSIM {result.dssim:.6f}", f"SSIM {result.ssim:.6f}"]
        if result.ssimulacra2 is not None:
            parts.append(f"SSIMULACRA2 {result.ssimulacra2:.3f}")
        click.echo("  ".join((*parts, f"{result.width} x {result.height}")))
