"""The results of a benchmark, stored so that the next run can be compared with them.

store     measures and records, one JSON file for each run
machine   machine, versions and commit of a run
changes   the differences between two records, regressions first
markdown  tables
plots     plots as PNG files
"""

from __future__ import annotations

from bench.record.store import (
    FOLDER,
    QUICK_FOLDER,
    Better,
    Measure,
    Record,
    latest,
    read,
    record_of,
    short,
    spread_of,
    write,
)

__all__ = [
    "FOLDER",
    "QUICK_FOLDER",
    "Better",
    "Measure",
    "Record",
    "latest",
    "read",
    "record_of",
    "short",
    "spread_of",
    "write",
]
