"""How far a long job is, for people: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_LINE_EVERY_SECONDS = 30.0


class Advance(Protocol):
    """Called with the number of jobs done since it was called last."""

    def __call__(self, jobs: int = 1) -> None: ...


class _Rate(ProgressColumn):
    """Jobs a minute."""

    def render(self, task: Task) -> Text:
        return Text(f"{60 * task.speed:.1f} a minute" if task.speed else "")


@contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Advance]:
    """Show how far `total` jobs are, with their rate and when they will be done."""
    with (_bar if console.is_terminal else _lines)(console, what, total) as advance:
        yield advance


@contextmanager
def _bar(console: Console, what: str, total: int) -> Iterator[Advance]:
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(_Rate(), TimeElapsedColumn()),
        *(TextColumn("left"), TimeRemainingColumn()),
    )
    with Progress(*columns, console=console, speed_estimate_period=300) as bar:
        task = bar.add_task(what, total=total)

        def advance(jobs: int = 1) -> None:
            bar.advance(task, jobs)

        yield advance


@contextmanager
def _lines(console: Console, what: str, total: int) -> Iterator[Advance]:
    start = told = time.monotonic()
    done = 0

    def advance(jobs: int = 1) -> None:
        nonlocal done, told
        done += jobs
        now = time.monotonic()
        if now - told >= _LINE_EVERY_SECONDS or done == total:
            told = now
            rate = done / max(now - start, 1e-9)
            console.print(
                f"{what}: {done}/{total}, {60 * rate:.1f} a minute,"
                f" {(total - done) / rate / 60:.0f} min left",
                soft_wrap=True,
            )

    console.print(f"{what}: 0/{total}", soft_wrap=True)
    yield advance
