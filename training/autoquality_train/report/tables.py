"""Numbers as tables of text, for HTML and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autoquality_train.judging.cases import SEARCHES
from autoquality_train.judging.summary import RANGES
from autoquality_train.judging.verdict import FEWEST, images

Numbers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, a caption, the names of the columns, and the rows."""

    title: str
    caption: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: tuple[int, ...] = (0,)
    """The columns with words instead of numbers."""


def overview(formats: Numbers) -> Table:
    """The main numbers, one line for each format."""
    rows = []
    errors = _errors(next(iter(formats.values()))["groups"])
    for fmt, found in formats.items():
        one = found["groups"]["all"]["all"]
        wide, usual = one["ranges"]["wide"], one["ranges"]["default"]
        rows.append(
            (
                NAMES[fmt],
                str(one["images"]),
                f"{wide['miss']['median']:.1f}",
                f"{wide['miss']['p95']:.0f}",
                *(percent(_goal(wide, error)["met_by_first_guess"]) for error in errors),
                *(_mean(wide, error, "network") for error in errors),
                *(_mean(usual, error, "network") for error in errors),
                _mean(wide, errors[0], "prior"),
                f"{found['calibration']['all']['hits']['within 2']['expected_error']:.3f}",
            )
        )
    columns = (
        *("format", "images", "median miss", "95th"),
        *(f"first guess within ±{error}" for error in errors),
        *(f"encodings, 10–95 ±{error}" for error in errors),
        *(f"encodings, default range ±{error}" for error in errors),
        f"without a network, 10–95 ±{errors[0]}",
        "calibration error",
    )
    caption = "All targets together; misses in quality steps, mean encodings."
    return Table("Summary", caption, columns, rows)


def warnings(formats: Numbers) -> list[str]:
    """A warning if the numbers come from too few images."""
    fewest = min(found["groups"]["all"]["all"]["images"] for found in formats.values())
    if fewest >= FEWEST:
        return []
    return [f"Only {images(fewest)}: the numbers are mostly chance below {FEWEST}."]


def verdicts(formats: Numbers) -> list[str]:
    """Whether to use each network instead of the bundled one, a sentence for each format."""
    lines = []
    for fmt, found in formats.items():
        one = found["verdict"]
        text = "not compared, because it is the bundled network or there is none."
        if one:
            text = f"{one['decision']}: {one['why']}."
        lines.append(f"{NAMES[fmt]}: {text}")
    return lines


def described(value: Any) -> str:
    """Write a value of a side file for people."""
    if isinstance(value, Mapping):
        parts = {
            name: f"({described(one)})" if isinstance(one, Mapping) else described(one)
            for name, one in value.items()
        }
        return ", ".join(f"{name} {part}" for name, part in parts.items())
    if isinstance(value, list | tuple):
        return " ".join(map(described, value))
    return "none" if value is None else str(value)


def misses(groups: Numbers) -> Table:
    """Misses by group and target."""
    rows = []
    for name, targets in groups.items():
        for target, one in targets.items():
            found = one["ranges"]["wide"]["miss"]
            narrow = one["ranges"]["default"]["miss"]
            rows.append(
                (
                    *(name, "any" if target == "all" else target, str(one["images"])),
                    *(f"{found['mean']:.2f}", f"{found['median']:.1f}", f"{found['p95']:.0f}"),
                    *(f"{found['worst']:.0f}", f"{found['signed_mean']:+.2f}"),
                    *(percent(found["within"][step]) for step in ("0", "1", "2", "5")),
                    f"{narrow['mean']:.2f}",
                    f"{narrow['worst']:.0f}",
                )
            )
    columns = (
        *("images of", "target", "images", "mean", "median", "95th", "worst", "signed mean"),
        *("exact", "≤ 1", "≤ 2", "≤ 5", "default range: mean", "worst"),
    )
    caption = (
        "Quality steps between the prediction and the right quality, qualities 10 to 95;"
        " signed: positive is too high a quality."
    )
    return Table("How far predictions miss", caption, columns, rows)


def guesses(groups: Numbers) -> Table:
    """First guesses by group, range and allowed error."""
    rows = []
    errors = _errors(groups)
    for name, targets in groups.items():
        for key in RANGES:
            found = targets["all"]["ranges"][key]
            for error in errors:
                goal = _goal(found, error)
                rows.append(
                    (
                        *(name, f"{found['low']}–{found['high']}", f"±{error}"),
                        *(str(goal["reachable"]), percent(goal["met_by_first_guess"])),
                        str(goal["unreachable"]),
                        percent(goal["unreachable_right_at_first_guess"]),
                    )
                )
    columns = (
        *("images of", "qualities", "allowed", "reachable", "met by the first guess"),
        *("unreachable", "first guess is the right answer"),
    )
    caption = (
        "One encoding at the predicted quality, limited to the range. If no quality in the range is"
        " close enough to the target, the nearest one or a bound is the right answer; the last two"
        " columns count these cases."
    )
    return Table("First guesses", caption, columns, rows)


def iterations(groups: Numbers) -> Table:
    """Encodings by search, range and allowed error; all targets."""
    rows = []
    errors = _errors(groups)
    for name in [name for name in groups if not name.startswith("folder ")]:
        for key in RANGES:
            found = groups[name]["all"]["ranges"][key]
            for search, words in SEARCHES.items():
                cells = []
                for error in errors:
                    some = _goal(found, error)["iterations"][search]
                    cells += [f"{some['mean']:.2f}", f"{some['p95']:.0f}", f"{some['worst']:.0f}"]
                rows.append((name, f"{found['low']}–{found['high']}", words, *cells))
    columns = (
        *("images of", "qualities", "search"),
        *(f"±{error}: {what}" for error in errors for what in ("mean", "95th", "most")),
    )
    caption = "Full-resolution encodings of a request, with the returned one; all cases."
    return Table("Encodings", caption, columns, rows, words=(0, 2))


def percent(share: float | None) -> str:
    """A share as a percentage; a dash for None."""
    return "–" if share is None else f"{share:.0%}"


NAMES = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "jxl": "JPEG XL"}
METRIC_NAMES = {"dssim": "DSSIM", "ssimulacra2": "SSIMULACRA2"}


def _errors(groups: Numbers) -> list[str]:
    """The allowed errors that were judged."""
    return list(groups["all"]["all"]["ranges"]["wide"]["goals"])


def _goal(found: Numbers, error: str) -> Numbers:
    goal: Numbers = found["goals"][error]
    return goal


def _mean(found: Numbers, error: str, search: str) -> str:
    return f"{_goal(found, error)['iterations'][search]['mean']:.2f}"
