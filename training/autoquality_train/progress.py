"""How far a long job is, for people: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_EVERY_SECONDS = 30.0
_PACE_OVER_SECONDS = 300.0


class Advance(Protocol):
    """Called with the number of jobs done since it was called last."""

    def __call__(self, jobs: int = 1) -> None: ...


@contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Advance]:
    """Show how far `total` jobs are, with their rate and when they will be done."""
    with (_bar if console.is_terminal else _lines)(console, what, total) as advance:
        yield advance


class _Pace:
    """The rate of the last minutes: after what was found done, work is slower than before."""

    def __init__(self, total: int) -> None:
        self.done = 0
        self._total = total
        self._marks = deque([(time.monotonic(), 0)])

    def mark(self, jobs: int) -> str:
        """Count more jobs as done; answers rate and time left in words."""
        now = time.monotonic()
        self.done += jobs
        self._marks.append((now, self.done))
        while self._marks[1][0] < now - _PACE_OVER_SECONDS:
            self._marks.popleft()
        since, before = self._marks[0]
        a_minute = 60 * (self.done - before) / max(now - since, 1e-3)
        left = (self._total - self.done) / a_minute
        return f"{a_minute:.1f} a minute, {left:.0f} min left"


@contextmanager
def _bar(console: Console, what: str, total: int) -> Iterator[Advance]:
    pace = _Pace(total)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TextColumn("{task.fields[pace]}")),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total, pace="")

        def advance(jobs: int = 1) -> None:
            bar.update(task, advance=jobs, pace=pace.mark(jobs))

        yield advance


@contextmanager
def _lines(console: Console, what: str, total: int) -> Iterator[Advance]:
    pace = _Pace(total)
    told = time.monotonic()

    def advance(jobs: int = 1) -> None:
        nonlocal told
        words = pace.mark(jobs)
        if time.monotonic() - told >= _LINE_EVERY_SECONDS or pace.done == total:
            told = time.monotonic()
            console.print(f"{what}: {pace.done}/{total}, {words}", soft_wrap=True)

    console.print(f"{what}: 0/{total}", soft_wrap=True)
    yield advance
