"""The panels as a Grafana dashboard, built with Grafana's SDK.

`python -m deploy.grafana.dashboard` rewrites autoquality.json; with `--check` it
changes nothing and fails if it is out of date.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement, StackingMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh

from deploy import generated
from deploy.grafana.panels import ROWS, Panel

PATH = Path(__file__).parent / "autoquality.json"
PROGRAM = "python -m deploy.grafana.dashboard"

_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_WIDTH, _HEIGHT = 12, 8


def document() -> str:
    """The dashboard as JSON that Grafana imports."""
    board = (
        dashboard.Dashboard("AutoQuality")
        .uid("autoquality")
        .description("The AutoQuality encoding service. Runbooks: docs/operations.md.")
        .tags(["autoquality"])
        .refresh("30s")
        .time("now-1h", "now")
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
    )
    for name, given in (("namespace", ""), ("job", ""), ("instance", 'job=~"$job"')):
        board.with_variable(_variable(name, given))
    numbers = itertools.count(1)
    for row in ROWS:
        board.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            board.with_panel(_panel(panel, next(numbers)))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


def _variable(name: str, given: str) -> dashboard.QueryVariable:
    """A choice of the values of a label. "All" is .*, because a namespace is optional."""
    return (
        dashboard.QueryVariable(name)
        .query(f"label_values(autoquality_build_info{{{given}}}, {name})")
        .datasource(_SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .include_all(True)
        .all_value(".*")
        .multi(True)
    )


def _panel(panel: Panel, number: int) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .id(number)
        .title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .legend(_legend())
        .span(_WIDTH)
        .height(_HEIGHT)
    )
    if not panel.signed:
        built.min(0)
    if panel.stacked:
        built.fill_opacity(20).stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for place, query in enumerate(panel.queries):
        built.with_target(
            prometheus.Dataquery()
            .ref_id(chr(ord("A") + place))
            .expr(query.expr)
            .legend_format(query.legend)
        )
    return built


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )


if __name__ == "__main__":
    raise SystemExit(generated.main(PROGRAM, PATH, document()))
