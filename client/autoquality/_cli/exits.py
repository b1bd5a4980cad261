"""How the command line ends: exit codes, and errors as one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from autoquality._errors import AutoQualityError, UnavailableError

FAILED = 1


class Failure(click.ClickException):
    """Ends the command with one line on stderr and exit code 1."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line."""
        click.echo(f"autoquality: {one_line(self.message)}", file=file or sys.stderr)


class Unreachable(Failure):
    """The server cannot be reached."""

    exit_code = 3


class Interrupted(Failure):
    """Ctrl-C; the exit code is what a shell gives for it."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted")


def one_line(text: str) -> str:
    """`text` with whatever could break a line or steer a terminal replaced.

    File names and servers' messages may hold anything.
    """
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "�"
        for character in text
    )


@contextmanager
def failures(server: str) -> Iterator[None]:
    """Turn what a call raises into a Failure."""
    try:
        yield
    except UnavailableError as error:
        raise Unreachable(f"cannot reach {server}: {error}") from error
    except AutoQualityError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename} cannot be read: {error.strerror}") from error
