"""What a manifest says about all of its files: counts, bytes, failures and histograms."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoquality._batch.manifest import Record

_SCORES = {
    "ssimulacra2": (0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95, 100),
    "dssim": (0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 1),
}
_SAVED = tuple(range(0, 101, 10))


@dataclass(slots=True)
class Histogram:
    """Counts between edges. The last edge belongs to the last range."""

    edges: Sequence[float]
    below: int = 0
    """Values below the first edge."""
    counts: list[int] = field(init=False)
    """Values in each range."""

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.edges) - 1)

    def add(self, value: float) -> None:
        """Count a value."""
        if value < self.edges[0]:
            self.below += 1
            return
        inner = self.edges[1:-1]
        self.counts[sum(value >= edge for edge in inner)] += 1

    def rows(self) -> list[tuple[str, int]]:
        """Return each range as text with its count, from the first to the last that has values."""
        rows = [(f"below {self.edges[0]:g}", self.below)]
        pairs = itertools.pairwise(self.edges)
        rows += [
            (f"{low:g} to {high:g}", n) for (low, high), n in zip(pairs, self.counts, strict=True)
        ]
        used = [index for index, (_, count) in enumerate(rows) if count]
        return rows[used[0] : used[-1] + 1] if used else []


@dataclass(slots=True)
class Summary:
    """The files of a manifest."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Files by outcome. Those that failed have the outcome "failed"."""
    source_bytes: int = 0
    """Of the files that were encoded."""
    size_bytes: int = 0
    """Of their results."""
    failures: Counter[str] = field(default_factory=Counter)
    """Failed files by the reason or the status."""
    saved_percent: Histogram = field(default_factory=lambda: Histogram(_SAVED))
    scores: dict[str, Histogram] = field(default_factory=dict)

    @property
    def saved(self) -> float:
        """The saved share of the bytes. 0 without an encoded file."""
        return 1 - self.size_bytes / self.source_bytes if self.source_bytes else 0.0

    def add(self, record: Record) -> None:
        """Count a line."""
        self.outcomes[record["outcome"]] += 1
        if not record["ok"]:
            self.failures[record["reason"] or record["code"]] += 1
            return
        self.source_bytes += record["source_bytes"]
        self.size_bytes += record["size_bytes"]
        saved = 1 - record["size_bytes"] / max(1, record["source_bytes"])
        self.saved_percent.add(100 * saved)
        for name, edges in _SCORES.items():
            if record[name] is not None:
                self.scores.setdefault(name, Histogram(edges)).add(record[name])

    def as_json(self) -> dict[str, Any]:
        """Return the numbers for programs."""
        histograms = {"saved_percent": self.saved_percent, **self.scores}
        return {
            "files": self.outcomes.total(),
            "outcomes": dict(self.outcomes),
            "failures": dict(self.failures),
            "source_bytes": self.source_bytes,
            "size_bytes": self.size_bytes,
            "saved_percent": round(100 * self.saved, 2),
            "histograms": {
                name: {"edges": list(one.edges), "below": one.below, "counts": one.counts}
                for name, one in histograms.items()
            },
        }


def summarize(records: Iterable[Record]) -> Summary:
    """Return the summary of the valid lines of a manifest."""
    summary = Summary()
    for record in records:
        summary.add(record)
    return summary
