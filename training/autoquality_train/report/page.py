"""The HTML file, which loads no other file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from autoquality_core.metrics import METRICS, Metric
from autoquality_train.judging.cases import Case
from autoquality_train.judging.judge import Picture
from autoquality_train.judging.summary import parts
from autoquality_train.report import figures, tables

WORST = 12
"""The images that are shown for each format."""

Pictures = Mapping[tuple[str, str], Picture]


def page(found: Mapping[str, Any], cases: Sequence[Case], pictures: Pictures) -> str:
    """The page for the numbers that were `found` from `cases`."""
    environment = Environment(
        loader=PackageLoader("autoquality_train.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    photographs = found["about"]["photographs"]
    metric = METRICS[found["about"]["metric"]]
    sections = [
        _section(
            *(fmt, one, [case for case in cases if case.format == fmt], pictures, photographs),
            metric,
        )
        for fmt, one in found["formats"].items()
    ]
    environment.filters["described"] = tables.described
    return environment.get_template("page.html.j2").render(
        about=found["about"],
        metric=tables.METRIC_NAMES[metric.name],
        overview=tables.overview(found["formats"]),
        warnings=tables.warnings(found["formats"]),
        verdicts=tables.verdicts(found["formats"]),
        sections=sections,
    )


def worst(cases: Sequence[Case], count: int = WORST) -> list[Case]:
    """The greatest misses in the wide range, at most one for each image."""
    farthest = sorted(cases, key=lambda case: (-abs(case.wide.miss), case.kind, case.image))
    chosen: dict[tuple[str, str], Case] = {}
    for case in farthest:
        if case.wide.miss and len(chosen) < count:
            chosen.setdefault((case.kind, case.image), case)
    return list(chosen.values())


def _section(
    fmt: str,
    found: Mapping[str, Any],
    cases: Sequence[Case],
    pictures: Pictures,
    photographs: Sequence[str],
    metric: Metric,
) -> dict[str, Any]:
    apart = parts(cases, photographs)
    calibration = found["calibration"]["all"]
    everything = found["groups"]["all"]["all"]["ranges"]
    plots = [
        (figures.miss_histogram(apart), "Histogram of misses"),
        (figures.predicted_and_right(apart), "Predicted over right quality"),
        (figures.reliability(calibration["hits"]), "Reliability of the predicted distribution"),
        (figures.transform(calibration["transform"]), "Probability integral transform"),
    ]
    return {
        "name": tables.NAMES[fmt],
        "id": fmt,
        "tiles": _tiles(found),
        "plots": [
            {"source": _data("image/svg+xml", plot), "words": words} for plot, words in plots
        ],
        "encodings": _data("image/svg+xml", figures.encodings(everything)),
        "tables": [
            table(found["groups"]) for table in (tables.misses, tables.guesses, tables.iterations)
        ],
        "worst": [_shown(case, pictures[case.kind, case.image], metric) for case in worst(cases)],
    }


def _tiles(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The numbers in large type: value and label."""
    wide = found["groups"]["all"]["all"]["ranges"]["wide"]
    error, goal = next(iter(wide["goals"].items()))
    hits = found["calibration"]["all"]["hits"]
    return [
        (f"{wide['miss']['median']:.1f}", "quality steps missed (median)"),
        (f"{wide['miss']['p95']:.0f}", "steps missed (95th percentile)"),
        (tables.percent(goal["met_by_first_guess"]), f"of first guesses within ±{error}"),
        (f"{goal['iterations']['network']['mean']:.2f}", f"encodings, 10–95 ±{error}"),
        (f"{goal['iterations']['prior']['mean']:.2f}", "encodings without the network"),
        (f"{hits['within 2']['expected_error']:.3f}", "calibration error, within 2 steps"),
    ]


def _shown(case: Case, picture: Picture, metric: Metric) -> dict[str, Any]:
    return {
        "case": case,
        "width": picture.width,
        "height": picture.height,
        "thumbnail": _data("image/webp", picture.thumbnail),
        "curve": _data("image/svg+xml", figures.curve(case, picture, metric)),
    }


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
