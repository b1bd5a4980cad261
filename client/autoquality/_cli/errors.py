"""The exit codes of the command line, and its errors as one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from autoquality._errors import AutoQualityError, UnauthenticatedError, UnavailableError

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
    """Ctrl-C. The exit code is the shell's code for it."""

    exit_code = 130


def one_line(text: str) -> str:
    """Replace every character that could break the line or control a terminal.

    File names and servers' messages can contain any character.
    """
    return "".join(
        character if character.isprintable() else " " if character.isspace() else "�"
        for character in text
    )


@contextmanager
def failures(server: str) -> Iterator[None]:
    """Convert the errors of a call to a Failure."""
    try:
        yield
    except UnavailableError as error:
        # The cause may begin with the address.
        cause = str(error).removeprefix(f"{server}: ")
        raise Unreachable(f"cannot reach {server}: {cause}") from error
    except UnauthenticatedError as error:
        raise Failure(f"{error}; give it with AUTOQUALITY_TOKEN or --token") from error
    except AutoQualityError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"cannot read {error.filename}: {error.strerror}") from error
