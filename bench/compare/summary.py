"""Measures of the results: medians and quartiles over the images, with their limits.

The limits hold for the wide range and an allowed error of 0.001. A cost over method none of 2 means
that finding the quality costs one more encoding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from bench.accuracy import SAMPLING
from bench.compare.task import NAMES, Row
from bench.record import Better, Measure, spread_of

ALL = "all"
OURS = "autoquality "

COSTS = {
    ("dssim", "autoquality dssim"): (2.2, 1.8, 1.8, 1.6),
    ("dssim", "autoquality ml"): (None, 1.6, 1.6, 1.5),
    ("ssimulacra2", "autoquality ssimulacra2"): (2.2, 1.8, 1.7, 1.5),
    ("size", "autoquality size"): (2.2, 2.0, 2.2, 1.8),
}
"""Limits of the median cost over method none, by kind of target and entrant, in the order of
`NAMES`."""

ENCODINGS = {
    ("autoquality dssim", "dssim"): 1.6,
    ("autoquality size", "size"): 2.0,
    ("autoquality ssimulacra2", "ssimulacra2"): 1.9,
    ("autoquality ml", "ssimulacra2"): 1.5,
}
"""Limits of the mean number of encodings over all settings, by entrant and kind of target."""


UNITS = {"dssim": ("DSSIM", SAMPLING), "ssimulacra2": ("points", 0.01)}
"""By method: the unit of its score, and the distance between a search's score and the exact one."""


def measures(rows: Sequence[Row]) -> list[Measure]:
    """All measures of the comparison."""
    own = {(row.task, row.entrant): row for row in rows if row.entrant.startswith(OURS)}

    def key(row: Row) -> tuple[str, str, str, str]:
        return row.span, row.method, row.setting, row.entrant

    found: list[Measure] = []
    for (span, method, setting, entrant), group in groupby(sorted(rows, key=key), key):
        some = list(group)
        goal = f"{method} {span}"
        found += _common(some, entrant, setting, goal)
        if entrant.startswith(OURS):
            limit = _cost_limit(method, entrant, setting) if span == "10-95" else None
            found += _over(some, entrant, setting, goal, limit)
        else:
            found += _against(some, own, entrant, setting, goal)
    return found + list(_over_all(rows))


def _cost_limit(method: str, entrant: str, setting: str) -> float | None:
    limits = COSTS.get((method, entrant))
    return None if limits is None else limits[list(NAMES).index(setting)]


def _common(rows: Sequence[Row], entrant: str, setting: str, goal: str) -> Iterator[Measure]:
    def one(
        what: str,
        values: Iterable[float],
        unit: str,
        better: Better = "lower",
        *,
        mean: bool = False,
    ) -> Iterator[Measure]:
        some = list(values)
        if some:
            spread = spread_of(some, mean=mean)
            yield Measure(what, entrant, setting, goal, *spread, unit, better, len(some))

    # Other tools do not change; their time shows how busy the machine was.
    judged: Better = "lower" if entrant.startswith(OURS) else "neither"
    higher: Better = "higher" if entrant.startswith(OURS) else "neither"
    cpu = [1e3 * row.cpu / row.megapixels for row in rows]
    wall = [1e3 * row.wall / row.megapixels for row in rows]
    yield from one("processor time", cpu, "ms/MP", judged)
    yield from one("wall time", wall, "ms/MP", "neither")
    counted = [row.encodings for row in rows if row.encodings is not None]
    yield from one("encodings", counted, "encodings", judged, mean=True)
    yield from one("DSSIM", (row.dssim for row in rows), "DSSIM", "neither")
    if rows[0].method == "size":
        used = [row.budget_used for row in rows]
        yield from one("budget used", (it for it in used if it <= 1), "share", higher)
        yield from one("over budget", (float(it > 1) for it in used), "share", judged, mean=True)
    else:
        off = [abs(row.score - row.target) for row in rows]
        unit, sampling = UNITS[rows[0].method]
        yield from one("off target", off, unit, "neither")
        hits = (float(it <= row.error + sampling) for it, row in zip(off, rows, strict=True))
        yield from one("on target", hits, "share", higher, mean=True)


def _over(
    rows: Sequence[Row], entrant: str, setting: str, goal: str, limit: float | None
) -> Iterator[Measure]:
    for what, times, base, most in (
        ("cost over none", [row.cpu for row in rows], [row.none for row in rows], limit),
        ("cost over the floor", [row.cpu for row in rows], [row.floor for row in rows], None),
        ("wait over none", [row.wall for row in rows], [row.none_wall for row in rows], None),
    ):
        some = [time / one for time, one in zip(times, base, strict=True) if one is not None]
        if some:
            spread = spread_of(some)
            yield Measure(what, entrant, setting, goal, *spread, "x", "lower", len(some), most)


def _against(
    rows: Sequence[Row],
    own: dict[tuple[tuple[str, str, str, str, float], str], Row],
    entrant: str,
    setting: str,
    goal: str,
) -> Iterator[Measure]:
    """A tool's time over ours for the same tasks, and its bytes over ours at an equal DSSIM."""
    method = f"{OURS}{rows[0].method}"
    pairs = [(row, own[row.task, method]) for row in rows if (row.task, method) in own]
    if pairs:
        spread = spread_of([row.cpu / ours.cpu for row, ours in pairs])
        yield Measure("time over ours", entrant, setting, goal, *spread, "x", "neither", len(pairs))
    sizes = [row.at_equal_dssim for row in rows if row.at_equal_dssim is not None]
    if sizes:
        yield Measure(
            "size at equal DSSIM",
            entrant,
            setting,
            goal,
            *spread_of(sizes),
            "x",
            "neither",
            len(sizes),
        )


def _over_all(rows: Sequence[Row]) -> Iterator[Measure]:
    """Mean encodings of each of our methods over all settings, by kind of target and range."""
    found: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for row in rows:
        if row.entrant.startswith(OURS) and row.encodings is not None:
            found[row.entrant, row.method, row.span].append(row.encodings)
    for (entrant, method, span), some in sorted(found.items()):
        limit = ENCODINGS.get((entrant, method)) if span == "10-95" else None
        spread = spread_of(some, mean=True)
        goal = f"{method} {span}"
        yield Measure(
            "encodings", entrant, ALL, goal, *spread, "encodings", "lower", len(some), limit
        )
