"""What `autoquality batch` prints: failures, the progress, and a summary at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TextColumn

from autoquality._batch.manifest import Manifest
from autoquality._batch.run import Job, Tally
from autoquality._batch.storage import StorageError
from autoquality._batch.summary import Summary, summarize
from autoquality._cli.paths import skipped_links
from autoquality._cli.report import percent_saved
from autoquality._cli.session import print_facts, print_line

_MAX_FAILURES = 20
"""Failures that are printed. The manifest has all."""

_TERMINAL_SECONDS = 0.25
_LOG_SECONDS = 30.0
"""How often the progress is printed, on a terminal and elsewhere."""

_BAR = 40


class Report:
    """Prints about one run."""

    def __init__(
        self,
        out: Console,
        err: Console,
        job: Job,
        manifest: Manifest,
        *,
        quiet: bool,
        as_json: bool,
    ) -> None:
        self.tally = Tally()
        self.manifest = manifest
        self._job = job
        self._out, self._err = out, err
        self._quiet = quiet
        self._as_json = as_json
        self._found = 0
        self._all_found = False
        self._started: float | None = None
        self._ended = threading.Event()

    def print_line(self, text: str) -> None:
        """Print a message."""
        print_line(self._err, f"autoquality: {text}")

    def print_failure(self, url: str, error: str) -> None:
        """Print the failure of a file, unless there were many."""
        if self.tally.failed <= _MAX_FAILURES:
            self.print_line(f"{url}: {error}")
        if self.tally.failed == _MAX_FAILURES:
            self.print_line("the manifest has further failures")

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Show the progress during the body."""
        self._started = time.monotonic()
        if not self._quiet:
            threading.Thread(target=self._count, daemon=True).start()
        on_terminal = self._err.is_terminal and not self._quiet
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            console=self._err,
            transient=True,
            disable=not on_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with progress:
            watch = asyncio.create_task(self._watch(progress, on_terminal=on_terminal))
            try:
                yield
            finally:
                watch.cancel()
                self._ended.set()

    async def _watch(self, progress: Progress, *, on_terminal: bool) -> None:
        bar = progress.add_task("", total=None)
        while True:
            await asyncio.sleep(_TERMINAL_SECONDS if on_terminal else _LOG_SECONDS)
            tally, total = self.tally, self._found if self._all_found else None
            completed = tally.done + tally.failed + tally.skipped
            progress.update(bar, description=self._state(), completed=completed, total=total)
            if not on_terminal and not self._quiet:
                self.print_line(self._state())

    def _count(self) -> None:
        """Count the files of the source, for the time left."""
        with contextlib.suppress(StorageError):  # the run's own listing reports it
            for _ in self._job.source.files(self._job.destination, []):
                self._found += 1
                if self._ended.is_set():
                    return
            self._all_found = True

    def _state(self) -> str:
        tally = self.tally
        processed = tally.done + tally.failed
        completed = processed + tally.skipped
        rate = processed / max(1e-3, time.monotonic() - (self._started or 0.0))
        total = f"{self._found:,}" if self._all_found else f"{self._found:,} or more"
        parts = [
            f"{completed:,} of {total} files",
            f"{rate:.1f} a second",
            f"{_saved(tally.source_bytes, tally.size_bytes)} saved",
        ]
        if tally.failed:
            parts.append(f"{tally.failed:,} failed")
        if self._all_found and rate:
            parts.append(f"{_clock((self._found - completed) / rate)} left")
        return ", ".join(parts)

    def print_end(self) -> None:
        """Print the summary, if a server was found."""
        if self._started is None or (self._quiet and not self._as_json):
            return
        summary = summarize(self.manifest.records())
        if self._as_json:
            names = ("done", "failed", "skipped", "skipped_failed", "not_tried")
            this_run = {name: getattr(self.tally, name) for name in names}
            this_run["linked_folders"] = len(self.tally.linked)
            fields = {
                "this_run": this_run,
                "manifest": str(self.manifest.path),
                **summary.as_json(),
            }
            click.echo(json.dumps(fields))
        else:
            print_facts(self._out, self._facts(summary))
            for title, one in (("saved %", summary.saved_percent), *summary.scores.items()):
                for line in _bars(title, one.rows()):
                    print_line(self._out, line)

    def _facts(self, summary: Summary) -> Iterator[tuple[str, str]]:
        tally = self.tally
        yield "this run", f"{tally.done:,} done, {tally.failed:,} failed"
        if tally.skipped:
            yield "skipped", f"{tally.skipped:,} files of earlier runs"
        if tally.skipped_failed:
            yield "", f"{tally.skipped_failed:,} of them failed: --retry-failed tries them again"
        if tally.linked:
            yield "skipped", f"{skipped_links(tally.linked)} as SOURCE"
        if tally.not_tried:
            names = ", ".join(tally.examples)
            more = " and others" if tally.not_tried > len(tally.examples) else ""
            yield "not tried", f"{tally.not_tried:,} files: {names}{more}"
        yield "manifest", f"{summary.outcomes.total():,} files in {self.manifest.path}"
        before, after = summary.source_bytes, summary.size_bytes
        saved = percent_saved(before, after)
        yield "bytes", f"{decimal(before)} to {decimal(after)}, {saved} saved"
        yield "outcomes", _counted(summary.outcomes).replace("_", " ")
        if summary.failures:
            yield "failures", _counted(summary.failures)


def _bars(title: str, rows: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Yield the lines of a histogram, none without rows."""
    if rows:
        yield f"{title}:"
    for label, count in rows:
        bar = "#" * -(-count * _BAR // max(count for _, count in rows))
        yield f"  {label:>14}  {count:>10,}  {bar}".rstrip()


def _counted(counts: Counter[str]) -> str:
    parts = (f"{count:,} {name}" for name, count in counts.most_common())
    return ", ".join(parts) or "none"


def _saved(before: int, after: int) -> str:
    size = decimal(before - after) if before >= after else f"-{decimal(after - before)}"
    return f"{size} ({percent_saved(before, after)})"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
