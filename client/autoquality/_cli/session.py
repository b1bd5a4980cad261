"""The connection and the output streams that every command shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console

from autoquality._cli.errors import one_line
from autoquality._client import Client
from autoquality._retry import MAX_RETRIES

# The width of tables in a file or a pipe, which have no terminal width to fit.
_WIDTH = 250


@dataclass(frozen=True, slots=True)
class Session:
    """The global options."""

    servers: tuple[str, ...]
    """One, except for a command that takes several."""
    verbose: bool
    client_options: Mapping[str, Any]
    """Arguments of `Client`."""

    @property
    def server(self) -> str:
        """The only server. Raises click.UsageError if there are several."""
        if len(self.servers) > 1:
            several = ", ".join(self.servers)
            raise click.UsageError(f"this command takes one server, not {several}")
        return self.servers[0]

    def connect(self, retries: int = MAX_RETRIES) -> Client:
        """Return a client of the server. Raises click.UsageError for contradicting options."""
        try:
            return Client(self.server, retries=retries, **self.client_options)
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def out(self) -> Console:
        """Return standard output, for results."""
        return _console(Console(emoji=False))

    def err(self) -> Console:
        """Return standard error, for messages."""
        return _console(Console(stderr=True, emoji=False))


def print_line(console: Console, text: str) -> None:
    """Print `text` as one line, with any character in it."""
    console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


def print_facts(console: Console, facts: Iterable[tuple[str, str]]) -> None:
    """Print each name with its text as one line. The texts are aligned."""
    for name, text in facts:
        print_line(console, f"{name:<9} {text}")


def _console(console: Console) -> Console:
    if not console.is_terminal:
        console.width = _WIDTH
    return console
