"""The results of checks, and all of them with the capabilities of the server as text or JSON."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoquality._version import __version__
from autoquality_core.formats import ENCODERS, writable
from autoquality_core.types import Format
from autoquality_server.config import Settings


class Verdict(enum.Enum):
    """How a check ended, from good to bad."""

    OK = "ok"
    WARNING = "warning"
    """The server would serve, but not as well as it could."""
    FAILED = "failed"
    """The server would not start, or a part of it would not work."""
    WRONG = "wrong"
    """A setting is wrong."""

    @property
    def exit_code(self) -> int:
        """The server's own exit code: 1 if it cannot start, 2 for a wrong setting."""
        return {Verdict.FAILED: 1, Verdict.WRONG: 2}.get(self, 0)


@dataclass(frozen=True, slots=True)
class Finding:
    """The part that was checked, and a sentence about it."""

    part: str
    verdict: Verdict
    text: str


def worst(findings: Iterable[Finding]) -> Verdict:
    """Return the worst verdict; a wrong setting is worse than a failure."""
    order = list(Verdict)
    return max((one.verdict for one in findings), key=order.index, default=Verdict.OK)


_SUMMARY = {
    Verdict.OK: "The server would serve.",
    Verdict.WARNING: "The server would serve, with warnings.",
    Verdict.FAILED: "The server would not serve: see FAILED.",
    Verdict.WRONG: "The server would not start: a setting is WRONG.",
}


def formats(settings: Settings, networks: Mapping[Format, str]) -> list[dict[str, Any]]:
    """Describe the formats that can be written; `networks` has the names of their networks.

    Everything is None for a format without qualities.
    """
    defaults = settings.defaults()
    found = []
    for fmt in writable():
        has_quality = ENCODERS[fmt].has_quality
        low, high = defaults.bounds_for(fmt, defaults.method) if has_quality else (None, None)
        found.append(
            {
                "format": fmt.value,
                "quality": defaults.quality_for(fmt) if has_quality else None,
                "min_quality": low,
                "max_quality": high,
                "network": networks.get(fmt),
            }
        )
    return found


def as_text(
    settings: Settings, written: Sequence[Mapping[str, Any]], findings: Sequence[Finding]
) -> str:
    """Write everything as tables; `written` has the `formats`."""
    parts = [
        _columns([("gRPC", settings.listen), *_capacity(settings)]),
        _columns([("FORMAT", "QUALITY", "RANGE", "NETWORK"), *map(_row, written)]),
        findings_as_text(findings),
    ]
    return "\n\n".join(parts)


def findings_as_text(findings: Sequence[Finding]) -> str:
    """Write the findings as a table, with a summary."""
    rows = [(one.verdict.value.upper(), one.part, one.text) for one in findings]
    table = _columns([("RESULT", "CHECK", "DETAILS"), *rows])
    return f"{table}\n\n{_SUMMARY[worst(findings)]}"


def as_json(
    settings: Settings | None, written: Sequence[Mapping[str, Any]], findings: Sequence[Finding]
) -> str:
    """Write everything as one object; `serves` is null if the settings could not be read."""
    verdict = worst(findings)
    serves = None
    if settings is not None:
        serves = {
            "listen": settings.listen,
            "metrics_listen": settings.metrics_listen,
            "processes": settings.processes,
            "workers": settings.workers,
            "queue_size": settings.queue_size,
            "total_workers": settings.processes * settings.workers,
            "total_queue_size": settings.processes * settings.queue_size,
            "max_image_bytes": settings.max_image_bytes,
            "max_pixels": settings.max_pixels,
            "method": settings.method.value,
            "formats": written,
        }
    document = {
        "version": __version__,
        "verdict": verdict.value,
        "exit_code": verdict.exit_code,
        "serves": serves,
        "findings": [
            {"part": one.part, "verdict": one.verdict.value, "text": one.text} for one in findings
        ],
    }
    return json.dumps(document, indent=2)


def in_units(size: int) -> str:
    """Write bytes for people: "1.5 GiB"."""
    value, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.4g} {unit}"


def _capacity(settings: Settings) -> list[tuple[str, str]]:
    count, workers, queue = settings.processes, settings.workers, settings.queue_size
    requests = f"{workers} run, {queue} wait"
    if count > 1:
        total = f"{count * workers} run, {count * queue} wait in total"
        requests = f"{requests} in each of {count} processes; {total}"
    megapixels = settings.max_pixels / 1e6
    return [
        ("metrics", settings.metrics_listen or "not served"),
        ("requests", requests),
        ("sources", f"up to {in_units(settings.max_image_bytes)} and {megapixels:g} megapixels"),
        ("method", settings.method.value),
    ]


def _row(written: Mapping[str, Any]) -> tuple[str, ...]:
    if written["quality"] is None:
        return (written["format"], "-", "-", "-")
    bounds = f"{written['min_quality']} to {written['max_quality']}"
    return (written["format"], str(written["quality"]), bounds, written["network"] or "none")


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Align the cells of each column, with two spaces between columns."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
