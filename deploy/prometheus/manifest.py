"""The rule files as one PrometheusRule, for the Prometheus operator.

`python -m deploy.prometheus.manifest` rewrites prometheus-rule.yaml; with
`--check` it changes nothing and fails if the file is out of date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from deploy import generated

FOLDER = Path(__file__).parent
RULES = (FOLDER / "recording.yaml", FOLDER / "alerts.yaml")
RUNBOOKS = "https://autoquality.example/"
"""What the addresses of runbooks begin with: operators replace it by theirs."""
PROGRAM = "python -m deploy.prometheus.manifest"


def manifest() -> str:
    """The PrometheusRule as YAML."""
    groups: list[Any] = []
    for path in RULES:
        groups += yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "autoquality", "labels": {"app.kubernetes.io/name": "autoquality"}},
        "spec": {"groups": groups},
    }
    return f"# Made by `{PROGRAM}`.\n" + yaml.safe_dump(resource, sort_keys=False, width=1000)


if __name__ == "__main__":
    raise SystemExit(generated.main(PROGRAM, FOLDER / "prometheus-rule.yaml", manifest()))
