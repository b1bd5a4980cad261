"""The findings and the capabilities of the server, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from autoquality._version import __version__
from autoquality_core.formats import ENCODERS, writable
from autoquality_core.types import Format
from autoquality_server.cli.doctor.finding import Finding, Verdict, worst
from autoquality_server.cli.doctor.machine import in_units
from autoquality_server.config import Settings

_SUMMARY = {
    Verdict.OK: "The server would serve.",
    Verdict.WARNING: "The server would serve, with warnings.",
    Verdict.FAILED: "The server would not serve: see FAILED.",
    Verdict.WRONG: "The server would not start: a setting is WRONG.",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A format that the server writes; None stands for a format without qualities."""

    format: str
    quality: int | None
    min_quality: int | None
    max_quality: int | None
    network: str | None


def offers(settings: Settings, networks: Mapping[Format, str]) -> list[Offer]:
    """Return the formats that can be written; `networks` has the names of their networks."""
    defaults = settings.defaults()
    found = []
    for fmt in writable():
        if ENCODERS[fmt].has_quality:
            low, high = defaults.bounds_for(fmt)
            quality = defaults.quality_for(fmt)
            found.append(Offer(fmt.value, quality, low, high, networks.get(fmt)))
        else:
            found.append(Offer(fmt.value, None, None, None, None))
    return found


def as_text(settings: Settings, offered: Sequence[Offer], findings: Sequence[Finding]) -> str:
    """Write everything as tables."""
    parts = [
        _columns([("gRPC", settings.listen), *_capacity(settings)]),
        _columns([("FORMAT", "QUALITY", "RANGE", "NETWORK"), *map(_row, offered)]),
        findings_as_text(findings),
    ]
    return "\n\n".join(parts)


def findings_as_text(findings: Sequence[Finding]) -> str:
    """Write the findings as a table, with a summary."""
    rows = [(one.verdict.value.upper(), one.part, one.text) for one in findings]
    table = _columns([("RESULT", "CHECK", "DETAILS"), *rows])
    return f"{table}\n\n{_SUMMARY[worst(findings)]}"


def as_json(
    settings: Settings | None, offered: Sequence[Offer], findings: Sequence[Finding]
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
            "max_image_bytes": settings.max_image_bytes,
            "max_pixels": settings.max_pixels,
            "method": settings.method.value,
            "formats": [asdict(one) for one in offered],
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


def _capacity(settings: Settings) -> list[tuple[str, str]]:
    each = f", in each of {settings.processes} processes" if settings.processes > 1 else ""
    megapixels = settings.max_pixels / 1e6
    return [
        ("metrics", settings.metrics_listen or "not served"),
        ("requests", f"{settings.workers} run, {settings.queue_size} wait{each}"),
        ("sources", f"up to {in_units(settings.max_image_bytes)} and {megapixels:g} megapixels"),
        ("method", settings.method.value),
    ]


def _row(offer: Offer) -> tuple[str, ...]:
    if offer.quality is None:
        return (offer.format, "-", "-", "-")
    bounds = f"{offer.min_quality} to {offer.max_quality}"
    return (offer.format, str(offer.quality), bounds, offer.network or "none")


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Align the cells of each column, with two spaces between columns."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
