"""What must hold when the load is over, and the tables that tell of it."""

from __future__ import annotations

import collections
import statistics
from collections.abc import Iterable, Sequence

from bench.serving import MIB
from bench.soak.calls import Record
from bench.soak.load import RESTS, Soaked
from bench.soak.watch import Sample

GROWTH = 128
"""MiB that the server may have more at rest in the end than after a tenth of the time.

Not nothing: what it keeps on purpose (a prepared state for every kind of call, which comes in the
first minutes) and the holes that images of many sizes leave in glibc's two arenas, which depend on
what happened to run together last. A leak of one small photograph in a thousand calls would take
more in half an hour."""

MORE_DESCRIPTORS = 8
"""The same for open files: connections that clients are just leaving."""

MORE_THREADS = 42
"""And for threads: gRPC's pool, which grows when it has none to spare, to the workers, the places
in the queue and 32 more."""

LONG = 240.0
"""Seconds from which on a slope is more than noise."""

PERCENTILES = (50, 95, 99)


def faults(soaked: Soaked) -> list[str]:
    """What must not be, a line each; nothing in a good run."""
    found = [record.wrong for record in soaked.records if record.wrong is not None]
    lost = soaked.started - len(soaked.records)
    if lost:
        found.append(f"{lost} calls never ended")
    if not any(record.ok for record in soaked.records):
        found.append("no call was answered")
    if len(soaked.rests) < len(RESTS):
        return [*found, "the server died"]
    first, last = soaked.rests[0].vitals, soaked.rests[-1].vitals
    for name, more, bound in (
        ("MiB of memory", (last.rss - first.rss) / MIB, GROWTH),
        ("descriptors", last.descriptors - first.descriptors, MORE_DESCRIPTORS),
        ("threads", last.threads - first.threads, MORE_THREADS),
    ):
        if more > bound:
            found.append(f"{more:.0f} more {name} at rest than after the first tenth, over {bound}")
    return found


def tables(soaked: Soaked) -> list[str]:
    """All of it in Markdown."""
    return [*_statuses(soaked.records), "", *_latencies(soaked.records), "", *_rests(soaked)]


def _statuses(records: Sequence[Record]) -> list[str]:
    """How calls ended, a line for each kind."""
    columns = sorted({one.status for one in records}, key=lambda name: (name != "OK", name))
    lines = [f"| kind | calls | {' | '.join(columns)} |"]
    lines.append(f"| --- | ---: |{' ---: |' * len(columns)}")
    for kind, mine in _grouped((one.kind, one) for one in records).items():
        counts = collections.Counter(one.status for one in mine)
        cells = " | ".join(str(counts[name]) for name in columns)
        lines.append(f"| {kind} | {len(mine)} | {cells} |")
    return lines


def _latencies(records: Iterable[Record]) -> list[str]:
    """Of the calls that were answered, by method."""
    lines = ["| answered | calls | p50, s | p95, s | p99, s | max, s |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, mine in _grouped((one.name, one) for one in records if one.ok).items():
        seconds = [one.seconds for one in mine]
        cells = " | ".join(f"{value:.2f}" for value in (*percentiles(seconds), max(seconds)))
        lines.append(f"| {name} | {len(mine)} | {cells} |")
    return lines


def _rests(soaked: Soaked) -> list[str]:
    lines = ["| at rest after | RSS, MiB | descriptors | threads |"]
    lines.append("| --- | ---: | ---: | ---: |")
    for part, rest in zip(RESTS, soaked.rests, strict=False):
        vitals = rest.vitals
        cells = f"{vitals.rss / MIB:.0f} | {vitals.descriptors} | {vitals.threads}"
        lines.append(f"| {part:.0%} | {cells} |")
    if soaked.samples:
        peak = max(one.vitals.rss for one in soaked.samples) / MIB
        lines.append(f"\nRSS at most {peak:.0f} MiB")
    if soaked.seconds >= LONG:
        # The first tenth is left out: not everything has been there by then.
        lines.append(f"RSS at rest grew by {slope(soaked.rests[1:]):.0f} MiB an hour")
    return lines


def percentiles(values: Sequence[float]) -> list[float]:
    """Those of PERCENTILES."""
    if len(values) < 2:
        return list(values) * len(PERCENTILES)
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return [cuts[percentile - 1] for percentile in PERCENTILES]


def slope(samples: Sequence[Sample]) -> float:
    """MiB of memory an hour, by least squares."""
    if len(samples) < 2:
        return 0.0
    hours = [one.at / 3600 for one in samples]
    return statistics.linear_regression(hours, [one.vitals.rss / MIB for one in samples]).slope


def _grouped(pairs: Iterable[tuple[str, Record]]) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for name, record in pairs:
        groups.setdefault(name, []).append(record)
    return dict(sorted(groups.items()))
