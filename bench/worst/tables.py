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

METHODS = ("size", "dssim", "ssimulacra2")
LONG = 3
"""Searches with at least this many encodings are listed one by one."""

LISTED = (
    "The longest search of each of these images by each method, and the longest of all images by "
    f"each method and setting. Searches of fewer than {LONG} encodings are left out:"
)


def page(record: Record) -> str:
    """The whole page."""
    parts = [
        about(record),
        "Images by number of encodings, and the error of the first guess in quality steps:",
        histogram(record),
        "Mean encodings of a search by purpose:",
        causes(record),
        "The images with the most encodings:",
        images(record),
        LISTED,
        longest(record),
    ]
    return "\n\n".join(parts)


def about(record: Record) -> str:
    """The searches, and how the images were chosen."""
    plan = record.arguments
    every = plan["every"]
    sample = "all" if every == 1 else f"one in {every}"
    networks = {"box": "with the bundled networks", "none": "without networks"}
    goals = ", ".join(f"{name.upper()} {at:g} ± {by:g}" for name, (at, by) in plan["goals"].items())
    return (
        f"{plan['images']} images ({sample} given images; only the middle of images over "
        f"{plan['megapixels']:g} megapixels), {goals}, budgets 1 % above the size at quality "
        f"{plan['budget']}, "
        f"qualities 10 to 95, {networks[plan['networks']]}. {made(record)}."
    )


def histogram(record: Record) -> str:
    """Images by number of encodings, and the error of the first guess."""
    numbers = range(1, MOST + 1)
    header = ("method", "setting", "mean", *(str(one) for one in numbers[:-1]), f"{MOST} or more")
    header += ("longest", "first guess error: median", "95th percentile", "worst")
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
    """Mean encodings by purpose."""
    rows = []
    for method, setting, title in _groups(record):
        named = {"by": method, "setting": setting}
        cells = [_cell(record, what="encodings for", goal=one.value, **named) for one in Cause]
        rows.append((method, title, *cells, _cell(record, what="encodings", goal="mean", **named)))
    return table(("method", "setting", *(one.title for one in Cause), "all"), rows)


def images(record: Record) -> str:
    """The images with the most encodings, by method and setting."""
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
    """The longest searches, with their tries and the reasons."""
    header = ("method", "setting", "image", "target", "encodings", "tried, in order", "why")
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
    """The longest search of each of the worst images and of each setting, the longest first."""
    some = [one for one in _searches(record) if one.method == method]
    some.sort(key=lambda one: -len(one.tries))  # stable: equal lengths in the order of the record
    firsts: list[Search] = []
    for image in _worst(record):
        firsts += [one for one in some if one.image == image][:1]
    for setting in NAMES:
        firsts += [one for one in some if one.setting == setting][:1]
    return [one for one in some if one in firsts]


def _groups(record: Record) -> Iterator[tuple[str, str, str]]:
    """The methods and settings in the record, with the title of the setting."""
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
    """The images with all searches in the record, the worst first."""
    searches = _searches(record)
    most = max(sum(one.image == it.image for one in searches) for it in searches)
    whole = [one for one in searches if sum(one.image == it.image for it in searches) == most]
    return worst_images(whole)
