"""The dashboard is what its panels say, in a shape that Grafana takes."""

from __future__ import annotations

import json
from typing import Any

import promql_parser
import pytest

from deploy import generated
from deploy.grafana import dashboard
from deploy.grafana.panels import ROWS
from tests.repo.deploy.promql import filled_in

BOARD: dict[str, Any] = json.loads(dashboard.PATH.read_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def test_the_committed_dashboard_is_up_to_date() -> None:
    assert dashboard.PATH.read_text() == dashboard.document()


def test_a_stale_file_is_reported_and_can_be_updated(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "made.json"
    assert generated.main("make it", path, "new", ["--check"]) == 1
    assert f"{path} is out of date: run `make it`" in capsys.readouterr().err
    assert generated.main("make it", path, "new", []) == 0
    assert path.read_text() == "new"
    assert generated.main("make it", path, "new", ["--check"]) == 0


def test_every_panel_is_there_and_says_what_it_shows() -> None:
    wanted = [panel for row in ROWS for panel in row.panels]
    assert [panel["title"] for panel in PANELS] == [panel.title for panel in wanted]
    for panel in PANELS:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


def test_queries_parse_and_look_only_at_what_is_chosen() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            promql_parser.parse(filled_in(target["expr"]))
            assert 'job=~"$job"' in target["expr"]
            assert "$" not in filled_in(target["expr"])


def test_the_choices_are_those_of_the_queries() -> None:
    names = {variable["name"] for variable in BOARD["templating"]["list"]}
    assert names == {"datasource", "namespace", "job", "instance"}
