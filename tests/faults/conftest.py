"""Servers of several processes whose encoder has bugs, and calls to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autoquality import Client, Encoded
from autoquality._retry import RETRIES
from autoquality_server.telemetry.captured_output import READER
from tests.faults.faulty import WAITS
from tests.photos import crop
from tests.rpc.conftest import ROOT, scrape
from tests.servers import NO_NETWORKS, START_LIMIT, clean_environment
from tests.waiting import LIMIT, in_background, until

PHOTO = crop("coffee.png", 96, 64)

OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
"""Else the clients of a program share one, and all calls come to one process."""


@dataclass
class Fleet:
    """A supervisor and its processes."""

    process: subprocess.Popen[str]
    folder: Path
    log: Path
    port: int = 0
    metrics_port: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def metrics(self) -> dict[str, float]:
        return scrape(self.metrics_port)

    @property
    def in_flight(self) -> int:
        """The number of running requests; unknown before the supervisor's first poll."""
        return int(self.metrics.get("autoquality_requests_in_flight", 0))

    @property
    def ready(self) -> int:
        """How many of its processes serve."""
        return int(self.metrics["autoquality_processes_ready"])

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log with this event."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def pids(self) -> list[int]:
        """Its processes."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if _name(one) != READER]

    def kill_one(self) -> None:
        """Have the system kill one of its processes."""
        os.kill(self.pids()[0], signal.SIGKILL)

    def client(self, retries: int = RETRIES) -> Client:
        """A client with a connection of its own."""
        return Client(self.address, retries=retries, channel_options=OWN_CONNECTION)

    def touch(self, name: str) -> None:
        (self.folder / name).touch()


@pytest.fixture
def start_fleet(tmp_path: Path) -> Iterator[Callable[..., Fleet]]:
    """Start a faulty server with the AUTOQUALITY_ variables given."""
    with fleets(tmp_path) as start:
        yield start


@contextmanager
def fleets(folder: Path) -> Iterator[Callable[..., Fleet]]:
    """What `start_fleet` calls; logs and faults are in `folder`."""
    started: list[Fleet] = []

    def start(**variables: str) -> Fleet:
        local = {"LISTEN": "127.0.0.1:0", "METRICS_LISTEN": "127.0.0.1:0", "PROCESSES": "2"}
        environ = {f"AUTOQUALITY_{name}": text for name, text in (local | variables).items()}
        log = folder / f"{len(started)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.faulty"],
                env={**clean_environment(), **NO_NETWORKS, **environ, "FAULTS": str(folder)},
                cwd=ROOT,
                stderr=output,
                text=True,
            )
        fleet = Fleet(process, folder, log)
        started.append(fleet)
        until(lambda: process.poll() is not None or fleet.lines("ready"), within=START_LIMIT)
        assert process.poll() is None, log.read_text()
        (ready,) = fleet.lines("ready")
        fleet.port, fleet.metrics_port = ready["port"], ready["metrics_port"]
        return fleet

    yield start
    for fleet in started:
        fleet.process.kill()  # its processes do not outlive it: test_supervisor.py
        fleet.process.wait(LIMIT)


def _name(pid: str) -> str:
    """The name of a process; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


class Waiting:
    """Calls that run until the gate is opened, each over a connection of its own."""

    def __init__(self, fleet: Fleet, calls: int) -> None:
        self._stack = ExitStack()
        clients = [self._stack.enter_context(fleet.client(retries=0)) for _ in range(calls)]
        self.calls: list[Future[Encoded]] = [
            in_background(client.encode, PHOTO, format="webp", quality=WAITS) for client in clients
        ]
        until(lambda: fleet.in_flight == calls or any(one.done() for one in self.calls))

    def answers(self) -> list[int | None]:
        """The qualities that were answered; raises the error of the first failed call."""
        with self._stack:
            return [call.result(LIMIT).quality for call in self.calls]
