"""The numbers of a report, and its three files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autoquality_core.metrics import DSSIM
from autoquality_train import provenance
from autoquality_train.files import write_json, write_text
from autoquality_train.judging.cases import Case
from autoquality_train.judging.judge import Judgement
from autoquality_train.judging.summary import (
    PHOTOGRAPHS,
    by_target,
    calibration,
    groups,
    kinds_in_words,
)
from autoquality_train.judging.verdict import verdict
from autoquality_train.report import tables
from autoquality_train.report.page import page
from autoquality_train.report.tables import Table


@dataclass(frozen=True, slots=True)
class About:
    """The origin of the numbers.

    `judged` names the folders. `networks` has for each format the file, its digest, and the
    description of its training. `seeds` are by what was drawn with them. `quick` says that the
    networks come from a quick test.
    """

    judged: Sequence[str]
    networks: Mapping[str, Mapping[str, Any]]
    seeds: Mapping[str, int] = field(default_factory=dict)
    photographs: Sequence[str] = PHOTOGRAPHS
    metric: str = DSSIM.name
    skipped: Sequence[str] = ()
    quick: bool = False


def write_report(
    folder: Path, judgement: Judgement, about: About, bundled: Sequence[Case] = ()
) -> dict[str, Any]:
    """Write report.html, report.md and report.json; returns the numbers.

    `bundled` are the cases of the bundled networks on the same images, without those of formats
    whose network is the bundled one. Raises ValueError if nothing was judged.
    """
    if not judgement.cases:
        raise ValueError("nothing was judged")
    found = numbers(judgement.cases, about, bundled)
    write_json(folder / "report.json", found, indent=None)
    write_text(folder / "report.md", markdown(found))
    write_text(folder / "report.html", page(found, judgement.cases, judgement.pictures))
    return found


def numbers(cases: Sequence[Case], about: About, bundled: Sequence[Case] = ()) -> dict[str, Any]:
    """All numbers by format, group and target, the verdicts, then each case."""
    formats = {}
    for fmt in dict.fromkeys(case.format for case in cases):
        ours, theirs = ([one for one in some if one.format == fmt] for some in (cases, bundled))
        parts = groups(ours, about.photographs)
        formats[fmt] = {
            "groups": {name: by_target(some) for name, some in parts.items()},
            "calibration": {name: calibration(some) for name, some in parts.items()},
            "verdict": asdict(verdict(ours, theirs, quick=about.quick)) if theirs else None,
        }
    return {
        "about": {
            **asdict(about),
            "kinds": kinds_in_words(cases, about.photographs),
            "made": provenance.now(),
            "versions": provenance.versions(),
            "machine": provenance.machine(),
        },
        "formats": formats,
        "cases": [asdict(case) for case in cases],
    }


def markdown(found: Mapping[str, Any]) -> str:
    """The Markdown file."""
    about = found["about"]
    metric = tables.METRIC_NAMES[about["metric"]]
    parts = [
        "# Accuracy of the networks",
        f"{metric}, judged on {', '.join(about['judged'])}, {about['made']}.",
        about["kinds"],
        *(f"**{text}**" for text in tables.warnings(found["formats"])),
        _table(tables.overview(found["formats"])),
    ]
    for fmt, one in found["formats"].items():
        parts.append(f"# {tables.NAMES[fmt]}")
        made = (tables.misses, tables.guesses, tables.iterations)
        parts += [_table(table(one["groups"])) for table in made]
    parts.append("# Origin of the numbers")
    parts.append("\n".join(_origin(about)))
    parts.append("# Verdict")
    parts.append("\n".join(f"- {line}" for line in tables.verdicts(found["formats"])))
    return "\n\n".join(parts) + "\n"


def _table(table: Table) -> str:
    lines = [
        f"## {table.title}",
        "",
        table.caption,
        "",
        f"| {' | '.join(table.columns)} |",
        f"| {' | '.join('---' for _ in table.columns)} |",
        *(f"| {' | '.join(row)} |" for row in table.rows),
    ]
    return "\n".join(lines)


def _origin(about: Mapping[str, Any]) -> list[str]:
    lines = [
        f"- {name}: {network['file']}, SHA-256 {network['sha256']}"
        for name, network in about["networks"].items()
    ]
    lines += [f"- seed of {what}: {seed}" for what, seed in about["seeds"].items()]
    for heading in ("versions", "machine"):
        values = ", ".join(f"{name} {value}" for name, value in about[heading].items())
        lines.append(f"- {heading}: {values}")
    if about["skipped"]:
        lines.append(f"- skipped: {len(about['skipped'])} (see report.json)")
    return lines
