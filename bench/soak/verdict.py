"""The conditions at the end of the load, and the tables."""

from __future__ import annotations

import collections
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import theilslopes

from bench.record import Measure, record_of
from bench.record import Record as Stored
from bench.record.markdown import cell, made, table
from bench.serving import MIB
from bench.soak.calls import Record
from bench.soak.load import RESTS, Soaked

EARLY, LATE = (0.1, 0.35), (0.75, 1.0)
"""The parts of the time whose memory is compared."""

GROWTH = 96
"""MiB by which the least memory may rise from EARLY to LATE.

The least memory is compared, not that in pauses: after images of many sizes, glibc's two arenas
have gaps of up to a hundred MiB, which it frees later. A leak is never freed. The limit is above
0, because some kinds of calls are made late for the first time. Half an hour has some 25,000 calls,
so a leak of 4 kB in each call exceeds the limit.
"""

MORE_DESCRIPTORS = 8
"""The most open files in the last pause, beyond the first: connections that clients close."""

MORE_THREADS = 42
"""The same for threads: gRPC's pool grows to the number of workers and queue places plus 32."""

WARM_UP = 0.2
"""The part of the time before the slope of memory is measured: caches and pools fill."""

STEPS = 16
"""Parts of the other time. The least memory of each is one point of the slope."""

SLOPE = 16.0
"""MiB an hour. A run fails if its memory certainly rises faster. Mixed load makes some 60,000
calls an hour, so this is 280 bytes in each call."""

LONG = 1800.0
"""Seconds of a run whose slope is judged. In a shorter run, chance exceeds any leak."""

PERCENTILES = (50, 95, 99)


def faults(soaked: Soaked) -> list[str]:
    """Everything that is wrong, one line each."""
    found = [record.wrong for record in soaked.records if record.wrong is not None]
    lost = soaked.started - len(soaked.records)
    if lost:
        found.append(f"{lost} calls never ended")
    if not any(record.ok for record in soaked.records):
        found.append("no call was answered")
    if len(soaked.rests) < len(RESTS):
        return [*found, "the server died"]
    rise = (floor(soaked, LATE) - floor(soaked, EARLY)) / MIB
    if rise > GROWTH:
        found.append(f"the least memory rose by {rise:.0f} MiB, over {GROWTH}")
    steady = slope(soaked)
    if soaked.seconds >= LONG and steady.low > SLOPE:
        found.append(f"memory rises by {steady} MiB an hour, over {SLOPE:g}")
    first, last = soaked.rests[0].vitals, soaked.rests[-1].vitals
    for name, more, bound in (
        ("descriptors", last.descriptors - first.descriptors, MORE_DESCRIPTORS),
        ("threads", last.threads - first.threads, MORE_THREADS),
    ):
        if more > bound:
            found.append(f"{more} more {name} in the last pause than in the first, over {bound}")
    return found


def tables(soaked: Soaked) -> list[str]:
    """All tables in Markdown."""
    return [*_statuses(soaked.records), "", *_latencies(soaked.records), "", *_rests(soaked)]


def _statuses(records: Sequence[Record]) -> list[str]:
    """The statuses of calls, one line for each kind."""
    columns = sorted({one.status for one in records}, key=lambda name: (name != "OK", name))
    lines = [f"| kind | calls | {' | '.join(columns)} |"]
    lines.append(f"| --- | ---: |{' ---: |' * len(columns)}")
    for kind, some in _grouped((one.kind, one) for one in records).items():
        counts = collections.Counter(one.status for one in some)
        cells = " | ".join(str(counts[name]) for name in columns)
        lines.append(f"| {kind} | {len(some)} | {cells} |")
    return lines


def _latencies(records: Iterable[Record]) -> list[str]:
    """The latency of answered calls, by method."""
    lines = ["| answered | calls | p50, s | p95, s | p99, s | max, s |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, some in _grouped((one.name, one) for one in records if one.ok).items():
        seconds = [one.seconds for one in some]
        cells = " | ".join(f"{value:.2f}" for value in (*percentiles(seconds), max(seconds)))
        lines.append(f"| {name} | {len(some)} | {cells} |")
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
        least = [floor(soaked, part) / MIB for part in (EARLY, LATE)]
        lines.append(
            f"\nRSS: peak {peak:.0f} MiB; least {least[0]:.0f} early and {least[1]:.0f} late,"
            f" after {WARM_UP:.0%} of the time it rises by {slope(soaked)} MiB an hour"
        )
    return lines


def percentiles(values: Sequence[float]) -> list[float]:
    """The percentiles of PERCENTILES."""
    if len(values) < 2:
        return list(values) * len(PERCENTILES)
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return [cuts[percentile - 1] for percentile in PERCENTILES]


def floor(soaked: Soaked, part: tuple[float, float]) -> int:
    """The least resident bytes in a part of the time; 0 without samples."""
    low, high = (soaked.start + at * soaked.seconds for at in part)
    return min((one.vitals.rss for one in soaked.samples if low <= one.at <= high), default=0)


@dataclass(frozen=True)
class Slope:
    """MiB an hour, with the bounds that hold with a probability of 95 %."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:+.0f} ({self.low:+.0f} to {self.high:+.0f})"


def slope(soaked: Soaked) -> Slope:
    """The rise of the least memory after the warm-up, by the medians of Theil and Sen."""
    step = (1 - WARM_UP) / STEPS
    starts = [WARM_UP + step * number for number in range(STEPS)]
    floors = [(at, floor(soaked, (at, at + step)) / MIB) for at in starts]
    points = [(at * soaked.seconds / 3600, least) for at, least in floors if least]
    if len(points) < 3:
        return Slope(0.0, 0.0, 0.0)
    hours, least = zip(*points, strict=True)
    median, _, low, high = theilslopes(least, hours)
    return Slope(float(median), float(low), float(high))


def record_from(soaked: Soaked, largest: float, callers: int) -> Stored:
    """Calls, memory and its slope, for docs/robustness.md."""
    found, peak = slope(soaked), max(one.vitals.rss for one in soaked.samples)
    levels = [floor(soaked, part) for part in (EARLY, LATE)]

    def one(what: str, unit: str, *values: float, wanted: float | None = None) -> Measure:
        middle, low, high = [*values, *values, *values][:3]
        return Measure(what, "server", "", "", middle, low, high, unit, "lower", wanted=wanted)

    measures = [
        one("calls", "calls", len(soaked.records)),
        one("peak", "MiB", round(peak / MIB)),
        *(
            one(f"least, {when}", "MiB", round(level / MIB))
            for when, level in zip(("early", "late"), levels, strict=True)
        ),
        one(
            "rise",
            "MiB an hour",
            *(round(value, 1) for value in (found.median, found.low, found.high)),
            wanted=SLOPE,
        ),
    ]
    arguments = {"minutes": soaked.seconds / 60, "largest": largest, "callers": callers}
    return record_of("soak", measures, arguments)


def page(record: Stored) -> str:
    """Memory of a run as a table."""
    rows = [(one.what, cell(one), one.unit) for one in record.measures]
    about = f"{record.arguments['minutes']:g} minutes, {record.arguments['callers']} callers"
    header = ("measured", "value (95 % interval)", "unit")
    return f"{about}. {made(record)}.\n\n{table(header, rows)}"


def _grouped(pairs: Iterable[tuple[str, Record]]) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for name, record in pairs:
        groups.setdefault(name, []).append(record)
    return dict(sorted(groups.items()))
