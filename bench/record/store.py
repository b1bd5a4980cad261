"""Records: everything that one run of a bench found, as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autoquality_train.files import write_text
from bench.record.machine import ROOT, commit, machine, versions
from bench.record.measure import Measure

FOLDER = ROOT / "bench" / "results"
"""Where the records that documents are made of are committed."""


@dataclass(frozen=True)
class Record:
    """One run. `arguments` are all that decides what was measured; `notes` what has no number."""

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
        """The measures whose parts are as given, for example what="cost", setting="webp"."""
        return [
            one
            for one in self.measures
            if all(getattr(one, part) == value for part, value in named.items())
        ]

    def one(self, **named: str) -> Measure | None:
        """The first such measure."""
        return next(iter(self.find(**named)), None)

    def comparable(self, other: Record) -> bool:
        """Whether both measured the same."""
        return (self.bench, self.arguments) == (other.bench, other.arguments)


def record_of(
    bench: str,
    measures: Iterable[Measure],
    arguments: Mapping[str, Any],
    *,
    more_versions: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Record:
    """What was found now and here."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = versions() | dict(more_versions or {})
    told = json.loads(json.dumps(arguments))  # as it will be read again
    return Record(bench, now, commit(), machine(), known, told, tuple(measures), tuple(notes))


def write(record: Record, folder: Path = FOLDER) -> Path:
    """Write a record; one line a measure, so that a diff reads well."""
    told = asdict(record)
    rows = [list(one.values()) for one in told.pop("measures")]
    lines = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in rows)
    told["columns"] = [one.name for one in fields(Measure)]
    head = json.dumps(told, indent=1, allow_nan=False).rstrip("}\n")
    path = folder / record.file_name
    write_text(path, f'{head},\n "measures": [\n{lines}\n ]\n}}\n')
    return path


def read(path: Path) -> Record:
    """A record that was written. Raises ValueError, naming the file, for anything else."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        columns = told.pop("columns")
        rows = told.pop("measures")
        measures = tuple(Measure(**dict(zip(columns, row, strict=True))) for row in rows)
        notes = tuple(told.pop("notes", ()))
        return Record(measures=measures, notes=notes, **told)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: not the record of a bench ({error})") from None


def latest(bench: str, folder: Path = FOLDER, like: Record | None = None) -> Record | None:
    """The newest record of a bench, or the newest that measured the same as `like`."""
    found = [read(path) for path in folder.glob(f"{bench}-*.json")] if folder.is_dir() else []
    some = [one for one in found if like is None or one.comparable(like)]
    return max((one for one in some if one.bench == bench), key=lambda one: one.date, default=None)
