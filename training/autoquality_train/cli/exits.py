"""How the command ends: sentences instead of tracebacks, and exit codes."""

from __future__ import annotations

import click


class Failed(click.ClickException):
    """Something failed: exit code 1 and one sentence that says what would be right."""


class Interrupted(click.ClickException):
    """Ctrl-C: the shell's usual exit code."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted; run the same command again to go on from here")
