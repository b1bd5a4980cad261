"""The comparison as Markdown."""

from __future__ import annotations

from bench.compare.task import NAMES
from bench.record.markdown import NOTHING, cell, made, table
from bench.record.store import Record

OURS = {
    "size": ("size", "size"),
    "size, two at a time": ("size, two at a time", "size"),
    "dssim": ("dssim", "dssim"),
    "ml": ("ml", "dssim"),
    "ssimulacra2": ("ssimulacra2", "ssimulacra2"),
    "ml with SSIMULACRA2": ("ml", "ssimulacra2"),
}
"""By title: our method, and the kind of its target."""

SPANS = {"10-95": "10 to 95", "default": "default range"}
COST = (
    *("cost over none", "wait over none", "cost over the floor", "encodings"),
    *("processor time", "on target", "budget used", "over budget"),
)


def page(record: Record) -> str:
    """The whole page."""
    return "\n\n".join((about(record), our_cost(record), rivals(record)))


def about(record: Record) -> str:
    """What was measured, where and when."""
    images = record.arguments["images"]
    versions = ", ".join(f"{name} {value}" for name, value in record.versions.items())
    targets = ", ".join(f"{one:g}" for one in record.arguments["targets"])
    budgets = ", ".join(str(one) for one in record.arguments["budgets"])
    return (
        f"{images['count']} images of {images['smallest']} to {images['largest']} megapixels "
        f"(median {images['median']}), DSSIM targets {targets} ± {record.arguments['error']:g}, "
        f"budgets 1 % above the size at quality {budgets}. {made(record)}; {versions}."
    )


def our_cost(record: Record) -> str:
    """The cost of our methods relative to one encoding at the quality that they find."""
    header = (
        *("method", "setting", "qualities"),
        *("× method none", "wall clock", "× the floor", "mean encodings"),
        *("ms a megapixel", "on target", "budget used", "over budget"),
    )
    rows = []
    for name, (method, kind) in OURS.items():
        for setting, title in NAMES.items():
            for span, qualities in SPANS.items():
                named = {
                    "by": f"autoquality {method}",
                    "setting": setting,
                    "goal": f"{kind} {span}",
                }
                cells = [
                    cell(record.one(what=what, **named), spread=what != "encodings")
                    for what in COST
                ]
                if cells[0] != NOTHING:
                    rows.append((name, title, qualities, *cells))
    return table(header, rows)


def mean_encodings(record: Record) -> str:
    """Mean encodings over all settings, qualities 10 to 95."""
    found = {
        name: record.one(
            what="encodings", by=f"autoquality {method}", setting="all", goal=f"{kind} 10-95"
        )
        for name, (method, kind) in OURS.items()
    }
    rows = [(name, cell(one, spread=False)) for name, one in found.items() if one is not None]
    return table(("method", "mean encodings"), rows)


def rivals(record: Record) -> str:
    """All tools on the same tasks, ours first."""
    parts = []
    for method, target in (
        ("size", "Byte budget"),
        ("dssim", "DSSIM target"),
        ("ssimulacra2", "SSIMULACRA2 target"),
    ):
        if record.find(what="processor time", goal=f"{method} 10-95"):
            parts += [f"{target}, qualities 10 to 95:", _rivals(record, method)]
    return "\n\n".join(parts)


def _rivals(record: Record, method: str) -> str:
    goal = f"{method} 10-95"
    last = ("budget used", "over budget") if method == "size" else ("on target", "off target")
    header = (
        *("setting", "by", "ms a megapixel", "time × ours", "mean encodings", "DSSIM reached"),
        *(*last, "bytes × ours at equal DSSIM"),
    )
    rows = []
    for setting, title in NAMES.items():
        found = record.find(what="processor time", setting=setting, goal=goal)
        found.sort(key=lambda one: (not one.by.startswith("autoquality"), one.value))
        for one in found:
            whats = ("time over ours", "encodings", "DSSIM", *last, "size at equal DSSIM")
            cells = [
                cell(
                    record.one(what=what, by=one.by, setting=setting, goal=goal),
                    spread=what != "encodings",
                )
                for what in whats
            ]
            rows.append((title, one.by, cell(one), *cells))
    return table(header, rows)


def short(record: Record) -> str:
    """The summary: the cost of our methods, and the time of other tools relative to ours."""
    header = ("", *NAMES.values())
    rows = []
    for name, (method, kind) in OURS.items():
        goal = f"{kind} 10-95"
        cells = [
            _times(record, "cost over none", f"autoquality {method}", setting, goal)
            for setting in NAMES
        ]
        if any(one != NOTHING for one in cells):
            rows.append((f"`{name}`, × method none", *cells))
    for by in sorted({one.by for one in record.find(what="time over ours")}):
        for method in ("size", "dssim", "ssimulacra2"):
            cells = [
                _times(record, "time over ours", by, setting, f"{method} 10-95")
                for setting in NAMES
            ]
            if any(one != NOTHING for one in cells):
                rows.append((f"{by}, × our `{method}`", *cells))
    images = record.arguments["images"]
    over = (
        f"Over {images['count']} images of {images['smallest']} to {images['largest']} megapixels"
    )
    return f"{table(header, rows)}\n\n{over}. {made(record)}."


def _times(record: Record, what: str, by: str, setting: str, goal: str) -> str:
    found = record.one(what=what, by=by, setting=setting, goal=goal)
    return NOTHING if found is None else f"{found.value:.1f}"
