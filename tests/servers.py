"""A real server in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import LIMIT, until

NO_NETWORKS = {f"AUTOQUALITY_{name}_NET": "none" for name in ("JPEG", "WEBP", "AVIF", "JXL")}
"""What switches off the networks that come with the server."""

START_LIMIT = 4 * LIMIT
"""Seconds for the start of a process: TensorFlow alone takes half a minute on a busy machine."""


@dataclass
class RunningServer:
    """A server that serves: where, and the process."""

    port: int
    metrics_port: int
    process: subprocess.Popen[str]
    log: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def log_lines(self) -> list[dict[str, object]]:
        """The log so far, one dictionary per line."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def clean_environment() -> dict[str, str]:
    """The environment of this process without variables that configure servers or libraries."""
    ours = ("AUTOQUALITY_", "IMGPROXY_", "OTEL_", "TF_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def running_server(
    folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[RunningServer]:
    """Start `autoquality-server` on free ports, stop it at the end; its log goes to `folder`."""
    log = folder / "server.log"
    settings = {
        "AUTOQUALITY_LISTEN": "127.0.0.1:0",
        "AUTOQUALITY_METRICS_LISTEN": "127.0.0.1:0",
        "AUTOQUALITY_PROCESSES": "1",  # on any machine
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "autoquality_server"],
            env={**clean_environment(), **settings, **(environment or {})},
            stderr=output,
            text=True,
        )
    try:
        until(
            lambda: process.poll() is not None or _ready(log),
            within=START_LIMIT,
            reason="the start",
        )
        ready = _ready(log)
        assert ready, f"the server ended: {log.read_text()}"
        yield RunningServer(int(ready["port"]), int(ready["metrics_port"]), process, log)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _ready(log: Path) -> dict[str, str]:
    """The log line that says it serves; empty before it."""
    for line in log.read_text().splitlines():
        if line.startswith("{") and '"ready"' in line:
            found: dict[str, str] = json.loads(line)
            return found
    return {}
