"""Progress of a long job: a bar on a terminal, or a line every 30 seconds in a log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_EVERY_SECONDS = 30.0
_RATE_OVER_SECONDS = 300.0


class Advance(Protocol):
    """Called with the number of items that were done since the last call."""

    def __call__(self, items: int = 1) -> None: ...


@contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Advance]:
    """Show how many of `total` items are done, their rate and the time left."""
    with (_bar if console.is_terminal else _lines)(console, what, total) as advance:
        yield advance


class _Rate:
    """The rate of the last five minutes: items that an earlier run finished take no time."""

    def __init__(self, total: int) -> None:
        self.done = 0
        self._total = total
        self._marks = deque([(time.monotonic(), 0)])

    def count(self, items: int) -> str:
        """Count more items as done; returns the rate and the time left in words."""
        now = time.monotonic()
        self.done += items
        self._marks.append((now, self.done))
        while self._marks[1][0] < now - _RATE_OVER_SECONDS:
            self._marks.popleft()
        since, before = self._marks[0]
        a_minute = 60 * (self.done - before) / max(now - since, 1e-3)
        left = (self._total - self.done) / a_minute
        return f"{a_minute:.1f} a minute, {left:.0f} min left"


@contextmanager
def _bar(console: Console, what: str, total: int) -> Iterator[Advance]:
    rate = _Rate(total)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TextColumn("{task.fields[rate]}")),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total, rate="")

        def advance(items: int = 1) -> None:
            bar.update(task, advance=items, rate=rate.count(items))

        yield advance


@contextmanager
def _lines(console: Console, what: str, total: int) -> Iterator[Advance]:
    rate = _Rate(total)
    printed = time.monotonic()

    def advance(items: int = 1) -> None:
        nonlocal printed
        words = rate.count(items)
        if time.monotonic() - printed >= _LINE_EVERY_SECONDS or rate.done == total:
            printed = time.monotonic()
            console.print(f"{what}: {rate.done}/{total}, {words}", soft_wrap=True)

    console.print(f"{what}: 0/{total}", soft_wrap=True)
    yield advance
