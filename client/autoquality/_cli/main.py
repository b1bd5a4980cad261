"""The command `autoquality` and its global options."""

from __future__ import annotations

from pathlib import Path

import click

from autoquality._cli.compare import compare
from autoquality._cli.encode import encode
from autoquality._cli.exits import Interrupted
from autoquality._cli.info import info
from autoquality._cli.session import Security, Session
from autoquality._version import __version__

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Group(click.Group):
    """A group that Ctrl-C ends with one line and the shell's usual exit code."""

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
    help="Where the service is.",
)
@click.option("--tls", is_flag=True, help="Use TLS; implied by --ca, --cert and --key.")
@click.option("--ca", type=_FILE, help="Authorities to trust (PEM) instead of the system's.")
@click.option("--cert", type=_FILE, help="Client certificate (PEM).")
@click.option("--key", type=_FILE, help="Its key (PEM).")
@click.option("--server-name", metavar="NAME", help="The name in its certificate, if another.")
@click.option(
    "--token",
    envvar="AUTOQUALITY_TOKEN",
    show_envvar=True,
    help="Sent as a bearer token. The variable hides it from other users of the machine.",
)
@click.option(
    "--insecure", is_flag=True, help="No TLS, even if a token goes to another machine in the clear."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long one call may take, retries included.",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell more about each call, on stderr.")
@click.version_option(__version__, prog_name="autoquality")
@click.pass_context
def cli(
    context: click.Context,
    server: str,
    tls: bool,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    server_name: str | None,
    token: str | None,
    insecure: bool,
    timeout: float,
    verbose: bool,
) -> None:
    """Compress images just as hard as they may be compressed.

    \b
    Examples:
      autoquality info
      autoquality encode photo.png --format webp --method dssim:0.02
      autoquality encode photos/ -o small/ --format avif --method size --target 50000
      autoquality compare photo.png photo.webp

    \b
    Exit codes:
      0  all went well
      1  something failed: a file, a call
      2  the command line is wrong
      3  the server cannot be reached
    """  # noqa: D301 (click reads \b)
    if tls and insecure:
        raise click.UsageError("--tls and --insecure contradict each other")
    security = Security(False if insecure else tls or None, ca, cert, key, server_name, token)
    context.obj = Session(server, security, timeout, verbose)


cli.add_command(encode)
cli.add_command(compare)
cli.add_command(info)
