"""Runs a server for a benchmark, and observes its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from bench.clock import of_process

MIB = 2**20
_OURS = ("AUTOQUALITY_", "IMGPROXY_", "TF_")


@dataclass(frozen=True)
class Vitals:
    """Resident bytes, open descriptors and threads of a process."""

    rss: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    address: str
    metrics_port: int
    log: Path

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self.process.poll() is None

    def metric(self, name: str) -> float:
        """The sum of the samples of a metric."""
        return metric_at(self.metrics_port, name)

    def cpu(self) -> float:
        """The processor time so far, in seconds."""
        return of_process(self.process.pid)

    def resident(self) -> int:
        """The resident bytes."""
        return resident(self.process.pid)

    def peak(self) -> int:
        """The peak of resident bytes since the start, or since `reset_peak`."""
        return _status(self.process.pid, "VmHWM") * 1024

    def reset_peak(self) -> None:
        """Reset `peak`: see clear_refs in proc(5)."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def vitals(self) -> Vitals:
        """The vitals now. Raises OSError or KeyError if the process has ended."""
        descriptors = len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))
        return Vitals(self.resident(), descriptors, _status(self.process.pid, "Threads"))

    def events(self, event: str) -> list[dict[str, object]]:
        """The lines of the log with this event."""
        return _events(self.log, event)

    def defects(self) -> list[str]:
        """The tracebacks of unexpected exceptions in the log."""
        found = self.events("a defect: unexpected exception")
        return [str(one.get("exception", one)) for one in found]

    def foreign_lines(self) -> list[str]:
        """The lines of the log that are not JSON: the output of libraries."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if line and not line.startswith("{")]


def metric_at(port: int, name: str) -> float:
    """The sum of the samples of a metric of the server whose metrics are at this port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
    samples = (sample for family in families for sample in family.samples)
    return sum(sample.value for sample in samples if sample.name == name)


def resident(pid: int) -> int:
    """The resident bytes of a process."""
    return _status(pid, "VmRSS") * 1024


def _status(pid: int, what: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    table = dict(line.split(":", 1) for line in lines)
    return int(table[what].split()[0])


_STOP_SECONDS = 60.0
"""The time that a server has to stop, twice that of its requests."""


@contextmanager
def serving(
    cores: Sequence[int] | None = None,
    module: str = "autoquality_server",
    packages: Sequence[Path] = (),
    /,
    **settings: str,
) -> Iterator[Server]:
    """A new server with these settings (`workers="1"`), and none from the environment.

    It has one process by default.

    `cores` are the cores that it may use, by default those of this process. `module` is what runs.
    `packages` are folders of packages that replace those of this environment.
    """
    command = [sys.executable, "-m", module]
    if cores is not None:
        command = ["taskset", "-c", ",".join(map(str, cores)), *command]
    one = {"listen": "127.0.0.1:0", "metrics_listen": "127.0.0.1:0", "processes": "1"}
    local = one | settings
    ours = {f"AUTOQUALITY_{name.upper()}": text for name, text in local.items()}
    others = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
    if packages:
        others["PYTHONPATH"] = os.pathsep.join(map(str, packages))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with log.open("w") as output:
            process = subprocess.Popen(command, env=others | ours, stderr=output)
        try:
            ready = _wait(process, log)
            address = f"127.0.0.1:{ready['port']}"
            yield Server(process, address, int(str(ready["metrics_port"])), log)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def networks(which: str) -> dict[str, str]:
    """Settings with the bundled networks ("box") or without networks ("none")."""
    return {f"{name}_net": which for name in ("jpeg", "webp", "avif", "jxl")}


def alone(workers: int) -> dict[str, str]:
    """Settings for measuring encoders: no networks, images of any size."""
    return {"workers": str(workers), "max_resolution": "100", **networks("none")}


def _wait(process: subprocess.Popen[bytes], log: Path) -> dict[str, object]:
    """The log line of the ready server. Raises AssertionError if it ends instead."""
    while not (ready := _events(log, "ready")):
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    return ready[0]


def _events(log: Path, event: str) -> list[dict[str, object]]:
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    return [one for one in map(_parsed, lines) if one.get("event") == event]


def _parsed(line: str) -> dict[str, object]:
    """A line of the log; empty if it is incomplete."""
    try:
        found: dict[str, object] = json.loads(line)
    except ValueError:
        return {}
    return found
