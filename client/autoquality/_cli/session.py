"""What every command shares: the connection's settings and where to write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from autoquality._channel import MAX_RETRIES
from autoquality._cli.exits import one_line
from autoquality._client import Client

# Tables that go to a file or a pipe are not folded to a terminal's width.
_WIDE = 250


@dataclass(frozen=True, slots=True)
class Security:
    """How the connection is secured; the names are those of `Client`'s arguments."""

    tls: bool | None
    ca: Path | None
    cert: Path | None
    key: Path | None
    server_name: str | None
    token: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """The global options."""

    server: str
    security: Security
    timeout: float
    verbose: bool

    def connect(self) -> Client:
        """A client of the server. Raises click.UsageError for contradicting options."""
        try:
            return Client(
                self.server,
                tls=self.security.tls,
                ca=self.security.ca,
                cert=self.security.cert,
                key=self.security.key,
                server_name=self.security.server_name,
                token=self.security.token,
                timeout=self.timeout,
                retries=MAX_RETRIES,
            )
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def out(self) -> Console:
        """Standard output, for results."""
        return _console(Console())

    def err(self) -> Console:
        """Standard error, for everything else."""
        return _console(Console(stderr=True))


def say(console: Console, text: str) -> None:
    """Print `text` as one line, whatever it holds."""
    console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


def _console(console: Console) -> Console:
    if not console.is_terminal:
        console.width = _WIDE
    return console
