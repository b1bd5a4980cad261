"""The command `autoquality` and its global options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from autoquality._cli.compare import compare
from autoquality._cli.encode import encode
from autoquality._cli.errors import Interrupted
from autoquality._cli.explore import explore
from autoquality._cli.info import info
from autoquality._cli.session import Session
from autoquality._version import __version__

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Group(click.Group):
    """A group that reports Ctrl-C with one line and the shell's exit code for it."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--server",
    envvar="AUTOQUALITY_SERVER",
    default="localhost:50051",
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="Address of the server, without a URL scheme. The port is 50051 by default.",
)
@click.option("--tls", is_flag=True, help="Use TLS. --ca, --cert and --key imply it.")
@click.option(
    "--ca", type=_FILE, help="Certificate authorities to trust (PEM), instead of public ones."
)
@click.option("--cert", type=_FILE, help="Client certificate (PEM).")
@click.option("--key", type=_FILE, help="Private key of the client certificate (PEM).")
@click.option(
    "--server-name",
    metavar="NAME",
    help="Name in the server's certificate, if it differs from the address.",
)
@click.option(
    "--token",
    envvar="AUTOQUALITY_TOKEN",
    show_envvar=True,
    help="Bearer token. Prefer the variable: other users can see the command line.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Do not use TLS, even if this sends the token unencrypted to another machine.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time limit of one call, including its retries.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print details of each call on stderr.")
@click.version_option(__version__, prog_name="autoquality")
@click.pass_context
def cli(
    context: click.Context,
    /,
    server: str,
    verbose: bool,
    tls: bool,
    insecure: bool,
    **options: Any,
) -> None:
    """Compress images as much as a size or quality target allows.

    \b
    Examples:
      autoquality info
      autoquality encode photo.png --format webp --method dssim:0.02
      autoquality encode photos/ -o small/ --format avif --method size --target 50000
      autoquality compare photo.png photo.webp
      autoquality explore

    \b
    Exit codes:
      0    success
      1    a file or a call failed
      2    invalid command line
      3    the server cannot be reached
      130  interrupted
    """  # noqa: D301 (click reads \b)
    if tls and insecure:
        raise click.UsageError("--tls and --insecure contradict each other")
    options["tls"] = False if insecure else tls or None
    context.obj = Session(server, verbose, options)


cli.add_command(encode)
cli.add_command(compare)
cli.add_command(info)
cli.add_command(explore)
