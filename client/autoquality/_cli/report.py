"""What was reached: as a table for people, as JSON lines for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from autoquality._cli.batch import Done, Failed, Result
from autoquality._cli.exits import one_line
from autoquality._cli.session import say
from autoquality._errors import AutoQualityError, InvalidRequestError
from autoquality._results import Encoded, Probe


def as_json(result: Result) -> str:
    """One line; the keys are stable, see `autoquality encode --help`."""
    fields = _failed(result) if isinstance(result, Failed) else _done(result)
    return json.dumps({"source": result.source.name, **fields})


def _done(result: Done) -> dict[str, Any]:
    encoded = result.encoded
    return {
        "ok": True,
        "output": result.output,
        "source_bytes": result.source_bytes,
        "size_bytes": encoded.size_bytes,
        "saved_percent": round(100 * result.saved, 2),
        "format": encoded.format,
        "quality": encoded.quality,
        "alpha_quality": encoded.alpha_quality,
        "dssim": encoded.dssim,
        "iterations": encoded.iterations,
        "outcome": encoded.outcome,
        "applied": asdict(encoded.applied),
        "predicted_quality": encoded.predicted_quality,
        "probes": [asdict(probe) for probe in encoded.probes],
        "timings": asdict(encoded.timings),
        "notices": [asdict(notice) for notice in encoded.notices],
        "width": encoded.width,
        "height": encoded.height,
        "frames": encoded.frames,
        "request_id": encoded.request_id,
    }


def _failed(result: Failed) -> dict[str, Any]:
    error = result.error
    called = error if isinstance(error, AutoQualityError) else None
    violations = error.field_violations if isinstance(error, InvalidRequestError) else ()
    return {
        "ok": False,
        "error": result.message,
        "code": called and called.code.name,
        "reason": called and called.reason,
        "field_violations": [asdict(violation) for violation in violations],
        "request_id": called and called.request_id,
    }


def print_table(console: Console, results: Sequence[Result]) -> None:
    """Print a row for each image that was encoded, and the totals."""
    done = [result for result in results if isinstance(result, Done)]
    if not done:
        return
    table = Table(show_footer=len(done) > 1)
    before = sum(result.source_bytes for result in done)
    after = sum(result.encoded.size_bytes for result in done)
    footers = (f"{len(done)} images", decimal(before), decimal(after), _percent(before, after))
    for index, heading in enumerate(
        ("file", "source", "result", "saved", "format", "quality", "DSSIM", "iterations", "outcome")
    ):
        left = heading in ("file", "format", "outcome")
        table.add_column(
            heading,
            footers[index] if index < len(footers) else "",
            justify="left" if left else "right",
            no_wrap=heading != "file",
            overflow="fold",
        )
    for result in done:
        encoded = result.encoded
        table.add_row(
            one_line(result.source.name if result.output == "-" else result.output),
            decimal(result.source_bytes),
            decimal(encoded.size_bytes),
            _percent(result.source_bytes, encoded.size_bytes),
            encoded.format,
            _quality(encoded),
            "-" if encoded.dssim is None else f"{encoded.dssim:.5f}",
            str(encoded.iterations),
            encoded.outcome.replace("_", " "),
        )
    console.print(table, markup=False, highlight=False)


def print_details(console: Console, result: Done) -> None:
    """Print how one image was served: its request, its settings, its probes, its time."""
    encoded = result.encoded
    tried = ", ".join(
        f"{_quality(probe)} ({decimal(probe.size_bytes)}"
        + ("" if probe.dssim is None else f", DSSIM {probe.dssim:.5f}")
        + ")"
        for probe in encoded.probes
    )
    spent = ", ".join(
        f"{stage} {seconds * 1000:.1f}" for stage, seconds in asdict(encoded.timings).items()
    )
    say(
        console,
        f"{result.source.name}: request {encoded.request_id}; applied {encoded.applied}; "
        f"tried {tried}; ms: {spent}",
    )


def _quality(one: Encoded | Probe) -> str:
    """The quality, and that of the alpha channel if it is compressed with loss."""
    if one.quality is None:
        return "-"
    lossy = one.alpha_quality is not None and one.alpha_quality < 100
    return f"{one.quality}, alpha {one.alpha_quality}" if lossy else str(one.quality)


def _percent(before: int, after: int) -> str:
    return f"{100 * (1 - after / max(1, before)):.1f} %"
