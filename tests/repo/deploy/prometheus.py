"""A real Prometheus in a process of its own, with its targets configured."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.commands import ROOT
from tests.waiting import LIMIT, until

SCRAPE = "1s"


def tool(name: str) -> Path:
    """The path of `prometheus` or `promtool`."""
    path = ROOT / ".tools/prometheus" / name
    assert path.exists(), f"{name} is missing: run `make prometheus`"
    return path


@dataclass(frozen=True)
class Prometheus:
    """Where it answers."""

    port: int

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer of its HTTP interface. Raises HTTPError for a wrong query."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}", timeout=LIMIT
        ) as told:
            return json.load(told)["data"]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that `expr` gives now: "metric" has their labels, "value" time and text."""
        found: list[dict[str, Any]] = self.ask("query", query=expr)["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Every rule it evaluates, with its health."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]


@contextmanager
def scraping(
    folder: Path, targets: Sequence[str], rules: Sequence[Path], labels: dict[str, str]
) -> Iterator[Prometheus]:
    """Scrape `targets`, host:port each, often, and evaluate `rules`; its data goes to `folder`."""
    config = {
        "global": {
            "scrape_interval": SCRAPE,
            "scrape_timeout": SCRAPE,
            "evaluation_interval": SCRAPE,
        },
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [
            {
                "job_name": "autoquality",
                "static_configs": [{"targets": list(targets), "labels": labels}],
            }
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = folder / "prometheus.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                str(tool("prometheus")),
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stderr=output,
        )
    try:
        until(lambda: "Server is ready" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield Prometheus(port)
    finally:
        process.kill()
        process.wait(LIMIT)
