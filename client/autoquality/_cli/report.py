"""What `autoquality encode` prints about its results, as each arrives and at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

import click
from rich.console import Console
from rich.filesize import decimal
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autoquality._cli.errors import one_line
from autoquality._cli.images import Done, Failed, Result, Skipped
from autoquality._cli.json_lines import as_json
from autoquality._cli.session import Session, print_facts, print_line
from autoquality._enums import Metric
from autoquality._results import Candidate, Encoded, Probe

_SCORES = {
    metric.value: "{:.5f}" if metric is Metric.DSSIM else "{:.2f}"
    for metric in Metric
    if metric is not Metric.UNKNOWN
}
"""How to write the scores of each metric, in the order of the columns."""

MANY = 20
"""More images than this get a summary by default."""

_MAX_REASONS = 5

_LEAST_NAME = 20
"""Characters of a name in a line of the table. A table with less room becomes lines."""


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
                _print_warnings(err, result)
            if self.session.verbose:
                _print_details(err, result)
        elif isinstance(result, Failed) and not self.json_lines and result.tried:
            print_line(err, f"autoquality: {result.source.name}: {result.message}")

    def _print_end(self, results: list[Result]) -> None:
        if self.quiet or self.json_lines:
            return
        console = self.session.err() if self.to_stderr else self.session.out()
        (_print_summary if self.summary else _print_table)(console, results)

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


def _print_table(console: Console, results: Sequence[Result]) -> None:
    """Print a row for each encoded image, and the totals."""
    done = [result for result in results if isinstance(result, Done)]
    if skipped := sum(isinstance(result, Skipped) for result in results):
        print_line(console, f"{skipped} skipped: their outputs exist")
    if not done:
        return
    footers = (f"{len(done)} images", *_totals(done))
    scores = [one for one in _SCORES if any(_score_text(result.encoded, one) for result in done)]
    headings = ["file", "source", "result", "saved", "format", "quality"]
    headings += [*(one.upper() for one in scores), "iterations", "outcome"]
    rows = [_cells(result, scores) for result in done]
    table = Table(show_footer=len(done) > 1)
    for index, heading in enumerate(headings):
        left = heading in ("file", "format", "outcome")
        table.add_column(
            heading,
            footers[index] if index < len(footers) else "",
            justify="left" if left else "right",
            no_wrap=heading != "file",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*row)
    if _fits(table, console):
        console.print(table, markup=False, highlight=False)
        return
    for name, *cells in [*rows, footers] if table.show_footer else rows:
        facts = (f"{heading} {cell}" for heading, cell in zip(headings[1:], cells, strict=False))
        print_line(console, f"{name}: {', '.join(facts)}")


def _totals(done: Sequence[Done]) -> tuple[str, str, str]:
    """Return the bytes of the sources and of the results, and the saved share."""
    before = sum(result.source_bytes for result in done)
    after = sum(result.encoded.size_bytes for result in done)
    return decimal(before), decimal(after), percent_saved(before, after)


def _cells(result: Done, scores: Sequence[str]) -> list[str]:
    encoded = result.encoded
    return [
        one_line(result.source.name if result.output == "-" else result.output),
        decimal(result.source_bytes),
        decimal(encoded.size_bytes),
        percent_saved(result.source_bytes, encoded.size_bytes),
        encoded.format,
        _quality(encoded),
        *(_score_text(encoded, one) or "-" for one in scores),
        str(encoded.iterations),
        encoded.outcome.replace("_", " "),
    ]


def _fits(table: Table, console: Console) -> bool:
    """Whether the table fits the terminal, with names folded to some characters."""
    options = console.options.update(max_width=10_000, markup=False)
    names, *_ = table.columns
    natural = Measurement.get(console, options, table).maximum
    longest = max(Measurement.get(console, options, one).maximum for one in names.cells)
    return natural - max(0, longest - _LEAST_NAME) <= console.width


def _print_summary(console: Console, results: Sequence[Result]) -> None:
    """Print counts by outcome, notice and failure, and the bytes before and after."""
    print_facts(console, _facts(results))


def _facts(results: Sequence[Result]) -> Iterator[tuple[str, str]]:
    done = [result for result in results if isinstance(result, Done)]
    failed = [result for result in results if isinstance(result, Failed)]
    tried = [result for result in failed if result.tried]
    counts = {
        "encoded": len(done),
        "skipped": len(results) - len(done) - len(failed),
        "failed": len(tried),
        "not tried": len(failed) - len(tried),
    }
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    yield "images", f"{len(results)}: {', '.join(parts) or 'none'}"
    if done:
        before, after, saved = _totals(done)
        yield "bytes", f"{before} to {after}, {saved} saved"
        if larger := sum(result.is_larger for result in done):
            yield "larger", f"{larger} than their sources"
        formats = [str(result.encoded.format) for result in done]
        if len(set(formats)) > 1:
            yield "formats", _counted(formats)
        yield "outcomes", _counted(result.encoded.outcome.replace("_", " ") for result in done)
    notices = [notice for result in done for notice in result.encoded.notices]
    texts = {notice.code: notice.message for notice in notices}
    for code, count in Counter(notice.code for notice in notices).most_common():
        yield "notice", f"{count} x {texts[code]}"
    reasons = Counter(result.reason for result in tried).most_common()
    for reason, count in reasons[:_MAX_REASONS]:
        yield "failure", f"{count} x {reason}"
    if len(reasons) > _MAX_REASONS:
        yield "failure", f"and {len(reasons) - _MAX_REASONS} other reasons, see above"


def _print_warnings(console: Console, result: Done) -> None:
    """Print the notices of one image, and whether it grew."""
    for notice in result.encoded.notices:
        print_line(console, f"{result.source.name}: {notice.message}")
    if result.is_larger:
        sizes = f"{decimal(result.encoded.size_bytes)} instead of {decimal(result.source_bytes)}"
        print_line(console, f"{result.source.name}: the result is larger than its source, {sizes}")


def _print_details(console: Console, result: Done) -> None:
    """Print the request id, settings, candidates, probes and timings of one image."""
    encoded = result.encoded
    for candidate in encoded.candidates:
        print_line(console, f"{result.source.name}: {_candidate(candidate)}")
    probes = ", ".join(
        f"{_made_as(probe, encoded)}{_quality(probe)}"
        f" ({', '.join((decimal(probe.size_bytes), *_scores(probe)))})"
        for probe in encoded.probes
    )
    timings = ", ".join(
        f"{stage} {seconds * 1000:.1f}" for stage, seconds in asdict(encoded.timings).items()
    )
    print_line(
        console,
        f"{result.source.name}: request {encoded.request_id}; applied {encoded.applied}; "
        f"probes {probes}; ms: {timings}",
    )


def _candidate(one: Candidate) -> str:
    """Return the line of a candidate: its options, its file, and what became of it."""
    about = "about " if one.predicted else ""
    facts = [
        "" if one.quality is None else f"quality {one.quality}",
        "" if one.size_bytes is None else f"{about}{decimal(one.size_bytes)}",
        "" if one.ssimulacra2 is None else f"{about}SSIMULACRA2 {one.ssimulacra2:.1f}",
    ]
    known = ", ".join(fact for fact in facts if fact) or "unknown"
    return f"{_options(one)}: {known}; {one.verdict.replace('_', ' ')}: {one.message}"


def _made_as(probe: Probe, encoded: Encoded) -> str:
    """Return how a probe was made, if there was a choice."""
    return f"{_options(probe)} " if encoded.candidates else ""


def _options(one: Candidate | Probe) -> str:
    how = "lossless" if one.lossless else one.chroma and f"chroma {one.chroma}"
    if one.near_lossless is not None:
        how = f"near-lossless, level {one.near_lossless}"
    return " ".join(str(word) for word in (one.format, how) if word)


def _scores(probe: Probe) -> Iterator[str]:
    for name in _SCORES:
        if text := _score_text(probe, name):
            yield f"{name.upper()} {text}"


def _score_text(measured: Encoded | Probe, name: str) -> str:
    """Return a score as text, empty if it was not measured."""
    score: float | None = getattr(measured, name)
    return "" if score is None else _SCORES[name].format(score)


def _quality(encoding: Encoded | Probe) -> str:
    """Return the quality, and the alpha channel's if it is lossy."""
    quality, alpha = encoding.quality, encoding.alpha_quality
    if quality is None:
        return "-"
    return str(quality) if alpha in (None, 100) else f"{quality}, alpha {alpha}"


def percent_saved(before: int, after: int) -> str:
    """Return the saved share of the bytes as text. It is 0 without any bytes before."""
    return f"{100 * (1 - after / before if before else 0):.1f} %"


def _counted(values: Iterable[str]) -> str:
    return ", ".join(f"{count} {value}" for value, count in Counter(values).most_common())
