"""The global options, which may stand before a command and after it, and the exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from autoquality._address import targets_in
from autoquality._cli.numbers import Number
from autoquality._cli.session import Session

_F = TypeVar("_F", bound=Callable[..., Any])

EXIT_CODES = """\b
Exit codes:
  0    success
  1    a file or a call failed
  2    invalid command line
  3    the server cannot be reached
  130  interrupted
"""

_EPILOG = f"""The global options, such as --server and -v, may follow the command, too. See
`autoquality --help`.

{EXIT_CODES}"""

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def not_empty(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """Return a path or URL, or several: the callback of a parameter. Raises click.BadParameter.

    An empty one, such as a variable that is not set, would be the current folder.
    """
    if "" in (value if isinstance(value, tuple) else (value,)):
        raise click.BadParameter("must not be empty; the current folder is .")
    return value


def global_options() -> list[click.Option]:
    """Return new global options, for the main command."""
    return [
        click.Option(
            ["--server"],
            envvar="AUTOQUALITY_SERVER",
            default="localhost:50051",
            show_default=True,
            show_envvar=True,
            metavar="HOST:PORT",
            help="Address of the server, without a URL scheme. The port is 50051 by default.",
        ),
        click.Option(["--tls"], is_flag=True, help="Use TLS. --ca, --cert and --key imply it."),
        click.Option(
            ["--ca"],
            type=_FILE,
            help="Certificate authorities to trust (PEM), instead of public ones.",
        ),
        click.Option(["--cert"], type=_FILE, help="Client certificate (PEM)."),
        click.Option(["--key"], type=_FILE, help="Private key of the client certificate (PEM)."),
        click.Option(
            ["--server-name"],
            metavar="NAME",
            help="Name in the server's certificate, if it differs from the address.",
        ),
        click.Option(
            ["--token"],
            envvar="AUTOQUALITY_TOKEN",
            show_envvar=True,
            help="Bearer token. Prefer the variable: other users can see the command line.",
        ),
        click.Option(
            ["--insecure"],
            is_flag=True,
            help="Do not use TLS, even if this sends the token unencrypted to another machine.",
        ),
        click.Option(
            ["--timeout"],
            type=Number(min=0, min_open=True),
            default=60.0,
            show_default=True,
            metavar="SECONDS",
            help="Time limit of one call, including its retries.",
        ),
        click.Option(
            ["-v", "--verbose"], is_flag=True, help="Print details of each call on stderr."
        ),
    ]


def with_options(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """Return a decorator that adds several options to a command."""

    def add(command: _F) -> _F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


class Command(click.Command):
    """A command that also takes the global options. Its help does not list them.

    It may have its own form of one. The object of its context is a `Session`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("epilog", _EPILOG)
        super().__init__(*args, **kwargs)
        self._repeated = global_options()
        for option in self._repeated:
            option.envvar = None  # the main command reads it
            option.hidden = True
        own = {parameter.name for parameter in self.params}
        self.params += [option for option in self._repeated if option.name not in own]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command with the global options before it and after it."""
        options = dict(ctx.obj)
        for option in self._repeated:
            name = option.name or ""
            value = ctx.params.pop(name)
            if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
                options[name] = value
        ctx.obj = _session(options)
        return super().invoke(ctx)


def _session(options: dict[str, Any]) -> Session:
    """Return the session of the global options. Raises click.UsageError."""
    client = dict(options)
    server, verbose = client.pop("server"), client.pop("verbose")
    insecure = client.pop("insecure")
    if client["tls"] and insecure:
        raise click.UsageError("--tls and --insecure contradict each other")
    client["tls"] = False if insecure else client["tls"] or None
    try:
        return Session(targets_in(server), verbose, client)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
