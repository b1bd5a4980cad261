"""Prints the results of `autoquality encode`, as each arrives and at the end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autoquality._cli.images import Done, Failed, Result
from autoquality._cli.report import (
    as_json,
    print_details,
    print_summary,
    print_table,
    print_warnings,
)
from autoquality._cli.session import Session, print_line


@dataclass(frozen=True, slots=True)
class Reporter:
    """What is printed about the results."""

    session: Session
    json_lines: bool
    quiet: bool
    summary: bool
    to_stderr: bool
    """Whether standard output has the image."""

    def show(self, results: Generator[Result, None, None], total: int) -> list[Result]:
        """Print each of `total` results as it arrives, and all at the end or after Ctrl-C."""
        seen = list[Result]()
        try:
            with self._progress() as progress, closing(results):
                bar = progress.add_task("encoding", total=total)
                for result in results:
                    seen.append(result)
                    progress.advance(bar)
                    self._print_one(result)
        finally:
            self._print_end(seen)
        return seen

    def _print_one(self, result: Result) -> None:
        err = self.session.err()
        if self.json_lines:
            click.echo(as_json(result))
        if isinstance(result, Done):
            if not (self.quiet or self.summary):
                print_warnings(err, result)
            if self.session.verbose:
                print_details(err, result)
        elif isinstance(result, Failed) and not self.json_lines and result.tried:
            print_line(err, f"autoquality: {result.source.name}: {result.message}")

    def _print_end(self, results: list[Result]) -> None:
        if self.quiet or self.json_lines:
            return
        console = self.session.err() if self.to_stderr else self.session.out()
        (print_summary if self.summary else print_table)(console, results)

    def _progress(self) -> Progress:
        """Return a progress bar, which shows only on a terminal and disappears at the end."""
        console = self.session.err()
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=self.quiet or not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
