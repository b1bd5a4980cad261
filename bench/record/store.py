"""Measures and records: everything that one run of a benchmark found, as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from autoquality_train.files import write_text
from bench.record.machine import ROOT, commit, machine, versions

FOLDER = ROOT / "bench" / "results"
"""The committed records, which the documents are made from."""

QUICK_FOLDER = ROOT / "build" / "bench"
"""Records of quick runs, for which there are no documents."""

Better = Literal["lower", "higher", "neither"]

PORTABLE = ("x", "encodings", "share")
"""Units that mean the same on any machine: ratios, counts, shares."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A median (or another statistic) with its quartiles.

    Four parts name it: `what` was measured, `by` which method, tool or stage, under which
    `setting` (mostly an encoder's), for which `goal`. `wanted` is its limit, on the side of
    `better`.
    """

    what: str
    by: str
    setting: str
    goal: str
    value: float
    low: float
    high: float
    unit: str
    better: Better = "lower"
    count: int = 1
    wanted: float | None = None

    @property
    def name(self) -> tuple[str, str, str, str]:
        return self.what, self.by, self.setting, self.goal

    @property
    def title(self) -> str:
        """The name in words."""
        return ", ".join(part for part in self.name if part)

    @property
    def portable(self) -> bool:
        """True if it can be compared between machines."""
        return self.unit in PORTABLE

    @property
    def within_limit(self) -> bool | None:
        """True if it is within its limit; None if it has no limit."""
        if self.wanted is None:
            return None
        return self.value >= self.wanted if self.better == "higher" else self.value <= self.wanted


def spread_of(values: Sequence[float], *, mean: bool = False) -> tuple[float, float, float]:
    """The median (or the mean) of some numbers and their quartiles, to five digits."""
    low, median, high = np.percentile(values, [25, 50, 75])
    middle = np.mean(values) if mean else median
    return short(float(middle)), short(float(low)), short(float(high))


def short(value: float) -> float:
    """A number with five significant digits."""
    return float(f"{float(value):.5g}")


@dataclass(frozen=True)
class Record:
    """One run. `arguments` are everything that affects the results; `notes` have no number."""

    bench: str
    date: str
    commit: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    arguments: Mapping[str, Any]
    measures: tuple[Measure, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def file_name(self) -> str:
        stamp = self.date.replace("-", "").replace(":", "").replace("T", "-").rstrip("Z")
        return f"{self.bench}-{stamp}-{self.commit.rstrip('+')}.json"

    def find(self, **named: str) -> list[Measure]:
        """The measures with these parts, for example what="cost", setting="webp"."""
        return [
            one
            for one in self.measures
            if all(getattr(one, part) == value for part, value in named.items())
        ]

    def one(self, **named: str) -> Measure | None:
        """The first measure with these parts."""
        return next(iter(self.find(**named)), None)

    def comparable(self, other: Record) -> bool:
        """True if both records measured the same."""
        return (self.bench, self.arguments) == (other.bench, other.arguments)


def record_of(
    bench: str,
    measures: Iterable[Measure],
    arguments: Mapping[str, Any],
    *,
    more_versions: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Record:
    """The record of a run on this machine that ends now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = versions() | dict(more_versions or {})
    as_read = json.loads(json.dumps(arguments))
    return Record(bench, now, commit(), machine(), known, as_read, tuple(measures), tuple(notes))


def write(record: Record, folder: Path = FOLDER) -> Path:
    """Write a record, with one line for each measure, so that diffs are readable."""
    head = asdict(record)
    rows = [list(one.values()) for one in head.pop("measures")]
    lines = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in rows)
    head["columns"] = [one.name for one in fields(Measure)]
    text = json.dumps(head, indent=1, allow_nan=False).rstrip("}\n")
    path = folder / record.file_name
    write_text(path, f'{text},\n "measures": [\n{lines}\n ]\n}}\n')
    return path


def read(path: Path) -> Record:
    """Read a record. Raises ValueError, with the path, for any other file."""
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))
        columns = parts.pop("columns")
        rows = parts.pop("measures")
        measures = tuple(Measure(**dict(zip(columns, row, strict=True))) for row in rows)
        notes = tuple(parts.pop("notes", ()))
        return Record(measures=measures, notes=notes, **parts)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: not the record of a benchmark ({error})") from None


def latest(bench: str, folder: Path = FOLDER, like: Record | None = None) -> Record | None:
    """The newest record of a benchmark, or the newest that measured the same as `like`."""
    found = [read(path) for path in folder.glob(f"{bench}-*.json")] if folder.is_dir() else []
    some = [one for one in found if like is None or one.comparable(like)]
    return max((one for one in some if one.bench == bench), key=lambda one: one.date, default=None)
