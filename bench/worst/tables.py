"""Measures and searches as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.compare.task import NAMES
from bench.record.markdown import made, number, table
from bench.record.store import Record
from bench.worst.causes import Cause
from bench.worst.facts import Search, search_of
from bench.worst.summary import ALL, MOST, bin_name, worst_images
from bench.worst.why import value, why

METHODS = ("size", "dssim")
LONG = 3
"""A search is told by itself from this many encodings on."""

TOLD = (
    f"Of each of them the longest search by each method, and the longest of all images by each "
    f"method and setting, where that took {LONG} encodings and more:"
)


def page(record: Record) -> str:
    """Everything."""
    parts = [
        about(record),
        "How many images needed how many encodings, and how many qualities first guesses were off:",
        histogram(record),
        "What the encodings were made for, mean numbers of a search:",
        causes(record),
        "The worst images by the sum of their encodings:",
        images(record),
        TOLD,
        longest(record),
    ]
    return "\n\n".join(parts)


def about(record: Record) -> str:
    """What was searched, and how images were chosen."""
    asked = record.arguments
    every = asked["every"]
    sample = "every one" if every == 1 else f"one in {every}"
    return (
        f"{asked['images']} images ({sample} of those given; of an image of more than "
        f"{asked['megapixels']:g} megapixels its middle), DSSIM {asked['target']:g} ± "
        f"{asked['error']:g}, budgets 1 % above what quality {asked['budget']} comes to, "
        f"qualities 10 to 95, networks: {asked['networks']}. {made(record)}."
    )


def histogram(record: Record) -> str:
    """Images by their number of encodings, and how far off first guesses were."""
    numbers = range(1, MOST + 1)
    header = ("method", "setting", "mean", *(str(one) for one in numbers[:-1]), f"{MOST} or more")
    header += ("longest", "first guess off: median", "95th percentile", "worst")
    rows = []
    for method, setting, title in _groups(record):
        named = {"by": method, "setting": setting}
        cells = [_cell(record, what="encodings", goal="mean", **named)]
        cells += [_cell(record, what="images", goal=bin_name(one), **named) for one in numbers]
        cells += [_cell(record, what="encodings", goal="most", **named)]
        cells += [
            _cell(record, what="first guess off", goal=goal, **named)
            for goal in ("median", "95th percentile", "worst")
        ]
        rows.append((method, title, *cells))
    return table(header, rows)


def causes(record: Record) -> str:
    """Mean encodings by what they were made for."""
    rows = []
    for method, setting, title in _groups(record):
        named = {"by": method, "setting": setting}
        cells = [_cell(record, what="encodings for", goal=one.value, **named) for one in Cause]
        rows.append((method, title, *cells, _cell(record, what="encodings", goal="mean", **named)))
    return table(("method", "setting", *(one.value for one in Cause), "all"), rows)


def images(record: Record) -> str:
    """The worst images: encodings by method and setting."""
    searches = _searches(record)
    found = {(one.image, one.method, one.setting): one for one in searches}
    columns = [
        (method, setting)
        for method in METHODS
        for setting in NAMES
        if any((one.method, one.setting) == (method, setting) for one in searches)
    ]
    rows = []
    for image in _worst(record):
        some = [found[image, *column] for column in columns]
        total = sum(len(one.tries) for one in some)
        cells = [str(len(one.tries)) for one in some]
        rows.append((image, number(some[0].megapixels), str(total), *cells))
    titles = [f"{method}, {NAMES[setting]}" for method, setting in columns]
    return table(("image", "MP", "sum", *titles), rows)


def longest(record: Record) -> str:
    """Search by search, with what was tried and why."""
    header = ("method", "setting", "image", "asked for", "encodings", "tried, in order", "why")
    rows = [
        (
            one.method,
            NAMES[one.setting],
            one.image,
            value(one, one.target),
            str(len(one.tries)),
            ", ".join(f"{it.quality}: {value(one, one.reached(it))}" for it in one.tries),
            "; ".join(why(one)),
        )
        for method in METHODS
        for one in _longest(record, method)
        if len(one.tries) >= LONG
    ]
    return table(header, rows)


def _longest(record: Record, method: str) -> list[Search]:
    """The longest search of each of the worst images, and of each setting; the longest first."""
    some = [one for one in _searches(record) if one.method == method]
    some.sort(key=lambda one: -len(one.tries))  # those of one length as they were noted
    firsts: list[Search] = []
    for image in _worst(record):
        firsts += [one for one in some if one.image == image][:1]
    for setting in NAMES:
        firsts += [one for one in some if one.setting == setting][:1]
    return [one for one in some if one in firsts]


def _groups(record: Record) -> Iterator[tuple[str, str, str]]:
    """Methods and settings that were measured, each setting with its title."""
    for method in METHODS:
        for setting, title in (NAMES | {ALL: "all"}).items():
            if record.one(what="encodings", by=method, setting=setting, goal="mean"):
                yield method, setting, title


def _cell(record: Record, **named: str) -> str:
    found = record.one(**named)
    assert found is not None, named
    mean = found.unit == "encodings" and found.goal != "most"
    return f"{found.value:.2f}" if mean else f"{found.value:g}"


def _searches(record: Record) -> list[Search]:
    return [search_of(note) for note in record.notes]


def _worst(record: Record) -> Sequence[str]:
    """Images of which every search was noted, the worst first."""
    searches = _searches(record)
    most = max(sum(one.image == it.image for one in searches) for it in searches)
    whole = [one for one in searches if sum(one.image == it.image for it in searches) == most]
    return worst_images(whole)
