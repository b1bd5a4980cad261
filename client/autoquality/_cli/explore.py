"""`autoquality explore`."""

from __future__ import annotations

import functools
import ipaddress
import os
import socket

import click

from autoquality._cli.command import Command
from autoquality._cli.errors import Failure
from autoquality._cli.numbers import WholeNumber
from autoquality._cli.session import Session

_PACKAGES = ("starlette", "uvicorn", "anyio", "h11")


@click.command(cls=Command, short_help="Show encodings next to their original, in the browser.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="IP address to listen on. Others that reach it can use the server with your token.",
)
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=8050,
    show_default=True,
    help="Port to listen on. 0 takes a free one.",
)
@click.pass_obj
def explore(session: Session, host: str, port: int) -> None:
    """Open a page that shows what an encoding does to an image.

    Prints the address of the page and serves it until Ctrl-C. The page sends images to the
    server with this command's --server, --token and TLS options. It stores nothing and loads
    nothing from other hosts.

    \b
    Examples:
      autoquality explore
      autoquality explore --server images.example:50051 --tls --port 0
    """  # noqa: D301 (click reads \b)
    try:
        from autoquality._explore.app import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise Failure("the page needs its extra: pip install 'autoquality[explore]'") from error
    listener = _listen(host, port)
    # Without retries, the page reports an unreachable server at once.
    connect = functools.partial(session.connect, retries=0)
    with listener:
        serve(connect, session.server, session.client_options, listener, click.echo)


def _listen(host: str, port: int) -> socket.socket:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = ipaddress.ip_address(0)
    if address.is_unspecified:
        # The page checks the header Host against this address, so it must be the one in the URL.
        raise click.UsageError(f"--host must be one IP address of this machine, not {host!r}")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise Failure(
            f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}"
        ) from error
