"""The findings for people, and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from autoquality._version import __version__
from autoquality_server.cli.doctor.finding import Finding, Verdict, worst
from autoquality_server.cli.doctor.offer import Offer
from autoquality_server.cli.doctor.units import in_units
from autoquality_server.config import Settings

_SUMMARY = {
    Verdict.OK: "It would serve.",
    Verdict.WARNING: "It would serve; see the warnings.",
    Verdict.FAILED: "It would not serve: see what failed.",
    Verdict.WRONG: "It would not start: a setting is wrong.",
}


def as_text(
    settings: Settings | None, offered: Sequence[Offer], findings: Sequence[Finding]
) -> str:
    """Tables. `settings` is None where they could not be read."""
    parts = []
    if settings is not None:
        parts.append(_columns([("gRPC", settings.listen), *_capacity(settings)]))
        header = ("FORMAT", "QUALITY", "SEARCHED", "NETWORK")
        parts.append(_columns([header, *map(_row, offered)]))
    rows = [(one.verdict.value.upper(), one.part, one.text) for one in findings]
    parts.append(_columns([("VERDICT", "PART", "FOUND"), *rows]))
    parts.append(_SUMMARY[worst(findings)])
    return "\n\n".join(parts)


def as_json(
    settings: Settings | None, offered: Sequence[Offer], findings: Sequence[Finding]
) -> str:
    """One object: `serves` is null where the settings could not be read."""
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
    megapixels = settings.max_pixels / 1e6
    return [
        ("metrics", settings.metrics_listen or "nowhere"),
        ("at once", f"{settings.workers} run, {settings.queue_size} wait{_each(settings)}"),
        ("sources", f"up to {in_units(settings.max_image_bytes)} and {megapixels:g} megapixels"),
        ("method", settings.method.value),
    ]


def _each(settings: Settings) -> str:
    return f", in each of {settings.processes} processes" if settings.processes > 1 else ""


def _row(offer: Offer) -> tuple[str, ...]:
    if offer.quality is None:
        return (offer.format, "-", "-", "-")
    searched = f"{offer.min_quality} to {offer.max_quality}"
    return (offer.format, str(offer.quality), searched, offer.network or "none")


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows with their columns below one another, two spaces between."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
