"""What a bench found, kept so that the next run can be compared with it.

measure     one number: its spread, its unit, which way is better, what is wanted
machine     what it was measured on, and with which versions
store       records as JSON files, one a run
changes     one record against the one before: what got worse first
markdown    tables
page        pages whose tables are made of records
plots       how plots look
"""

from __future__ import annotations

from bench.record.measure import Better, Measure, spread_of
from bench.record.store import FOLDER, Record, latest, read, record_of, write

__all__ = [
    "FOLDER",
    "Better",
    "Measure",
    "Record",
    "latest",
    "read",
    "record_of",
    "spread_of",
    "write",
]
