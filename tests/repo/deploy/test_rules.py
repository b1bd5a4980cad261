"""Prometheus' own tools take the rules, and their tests fail where a rule is wrong."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.prometheus import manifest
from tests.commands import ROOT, run
from tests.repo.deploy.prometheus import tool

FOLDER = ROOT / "deploy/prometheus"
UNIT_TESTS = sorted(FOLDER.glob("*.test.yaml"))


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_promtool_takes_the_rules() -> None:
    run(tool("promtool"), "check", "rules", "--lint-fatal", *manifest.RULES)


def test_the_rules_do_what_their_tests_say() -> None:
    run(tool("promtool"), "test", "rules", *UNIT_TESTS)


def test_an_alert_that_never_fires_fails_its_test(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    copy = yaml.safe_load((tmp_path / "alerts.yaml").read_text())
    for rule in copy["groups"][0]["rules"]:
        rule["expr"] = f"({rule['expr']}) and on () vector(0) > 0"
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(copy))
    said = run(tool("promtool"), "test", "rules", tmp_path / "alerts.test.yaml", status=1)
    names = set(re.findall(r"^ *alertname: (\w+), time", said, re.MULTILINE))
    assert names == {alert["alert"] for alert in alerts()}


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_every_alert_has_a_runbook(alert: dict[str, Any]) -> None:
    address, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert address.startswith(manifest.RUNBOOKS)
    path = address.removeprefix(manifest.RUNBOOKS)
    assert anchor == alert["alert"].lower()
    headings = re.findall(r"^#+ (\w+)$", (ROOT / path).read_text(), re.MULTILINE)
    assert alert["alert"] in headings
    assert alert["labels"]["severity"] in ("critical", "warning")


def test_the_manifest_holds_the_rules_as_they_are() -> None:
    assert (FOLDER / "prometheus-rule.yaml").read_text() == manifest.manifest()
