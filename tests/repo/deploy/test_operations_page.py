"""docs/operations.md agrees with the code and the manifests."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from autoquality._version import __version__
from autoquality_server.config.settings import SPECS
from deploy.grafana.panels import ROWS
from tests.repo.deploy.rendered import Rendered
from tools.check_manifests import ROOT, VERSIONS, problems, render

PAGE = (ROOT / "docs/operations.md").read_text()


def test_every_variable_that_is_named_is_a_setting() -> None:
    named = set(re.findall(r"AUTOQUALITY_[A-Z_]+[A-Z]", PAGE))
    assert named <= {spec.variable for spec in SPECS}


def test_every_log_line_that_is_named_is_in_the_code() -> None:
    named = set(re.findall(r"log\s+line\s+`([^`]+)`", PAGE))
    code = "\n".join(path.read_text() for path in (ROOT / "server").rglob("*.py"))
    assert len(named) > 3
    assert [line for line in sorted(named) if f'"{line}"' not in code] == []


def test_every_panel_that_is_named_is_on_the_dashboard() -> None:
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", PAGE)) - {"Changed", "Removed"}
    titles = {panel.title for row in ROWS for panel in row.panels}
    assert len(named) > 3
    assert {" ".join(name.split()) for name in named} <= titles


def test_the_policy_for_the_cache_is_valid_and_about_the_server() -> None:
    (text,) = re.findall(r"<!-- cache-policy:begin -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    policy = yaml.safe_load(text)
    assert [found for version in VERSIONS for found in problems(policy, version)] == []
    (base,) = (
        one for one in render(ROOT / "deploy/kubernetes/base") if one["kind"] == "NetworkPolicy"
    )
    assert policy["spec"]["podSelector"] == base["spec"]["podSelector"]


def test_the_overlay_of_the_walk_through_renders_and_does_what_it_says(tmp_path: Path) -> None:
    (text,) = re.findall(r"<!-- overlay:begin -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    (tmp_path / "my").mkdir()
    (tmp_path / "my/kustomization.yaml").write_text(text)
    manifests = Rendered(render(tmp_path / "my"))
    assert [found for one in manifests.resources for found in problems(one, VERSIONS[0])] == []
    assert {one["metadata"]["namespace"] for one in manifests.resources} == {"images"}
    assert manifests.server["image"] == f"registry.example/autoquality:{__version__}"
    assert manifests.environment["AUTOQUALITY_MAX_RESOLUTION"] == "20"
    assert "AUTOQUALITY_DRAIN_TIMEOUT" in manifests.environment
