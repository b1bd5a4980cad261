"""Measures of all searches, and the searches that are listed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from bench.record import Measure, spread_of
from bench.worst.causes import Cause, causes
from bench.worst.facts import Search

ALL = "all"
MOST = 7
"""Searches with this many encodings or more are counted together."""

SHOWN = 10


def measures(searches: Sequence[Search]) -> list[Measure]:
    """Encodings, their purpose, and the error of first guesses, by method and setting."""
    found: list[Measure] = []
    for method, setting in groups(searches):
        some = [one for one in searches if one.method == method and setting in (one.setting, ALL)]
        found += _encodings(some, method, setting)
        found += _causes(some, method, setting)
        found += _first_guesses(some, method, setting)
    return found


def groups(searches: Sequence[Search]) -> list[tuple[str, str]]:
    """Every method with every setting, and with all settings."""
    methods = dict.fromkeys(one.method for one in searches)
    settings = dict.fromkeys(one.setting for one in searches)
    return list(product(methods, (*settings, ALL)))


def bin_name(encodings: int) -> str:
    """The name under which searches with so many encodings are counted."""
    return f"{encodings} encodings" if encodings < MOST else f"{MOST} encodings and more"


def _encodings(some: Sequence[Search], method: str, setting: str) -> Iterator[Measure]:
    counts = [len(one.tries) for one in some]
    spread = spread_of(counts, mean=True)
    yield Measure("encodings", method, setting, "mean", *spread, "encodings", "lower", len(some))
    yield _plain("encodings", method, setting, "most", max(counts), "encodings", len(some))
    for number in range(1, MOST + 1):
        those = sum(bin_name(one) == bin_name(number) for one in counts)
        yield _plain("images", method, setting, bin_name(number), those, "images", len(some))


def _causes(some: Sequence[Search], method: str, setting: str) -> Iterator[Measure]:
    """The mean number of encodings for each cause; the sum is the mean of all encodings."""
    for cause in Cause:
        counts = [causes(one).count(cause) for one in some]
        spread = spread_of(counts, mean=True)
        yield Measure(
            "encodings for", method, setting, cause.value, *spread, "encodings", "neither",
            len(some),
        )  # fmt: skip


def _first_guesses(some: Sequence[Search], method: str, setting: str) -> Iterator[Measure]:
    off = [abs(one.off(one.tries[0].quality)) for one in some]
    for goal, value in (
        ("median", np.median(off)),
        ("95th percentile", np.percentile(off, 95)),
        ("worst", max(off)),
    ):
        yield _plain("first guess off", method, setting, goal, float(value), "qualities", len(some))


def _plain(
    what: str, method: str, setting: str, goal: str, value: float, unit: str, count: int
) -> Measure:
    number = round(float(value), 3)
    return Measure(what, method, setting, goal, number, number, number, unit, "neither", count)


def notable(searches: Sequence[Search]) -> list[Search]:
    """The searches of the worst images, and the longest search of each method and setting.

    Images are ranked by the sum of their encodings by all methods and settings. An image that is
    hard for only one method is listed for its longest search.
    """
    chosen = [one for image in worst_images(searches) for one in searches if one.image == image]
    for method, setting in groups(searches):
        some = [one for one in searches if (one.method, one.setting) == (method, setting)]
        chosen += sorted(some, key=lambda one: -len(one.tries))[:1]
    return list(dict.fromkeys(chosen))


def worst_images(searches: Sequence[Search]) -> list[str]:
    """The names of the worst images, the worst first."""
    totals: dict[str, int] = {}
    for one in searches:
        totals[one.image] = totals.get(one.image, 0) + len(one.tries)
    return sorted(totals, key=lambda name: (-totals[name], name))[:SHOWN]
