"""Servers over real sockets, in this process and in one of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc

from autoquality.v1 import encoding_pb2_grpc as pb_grpc
from autoquality_server.admission import Admission
from autoquality_server.config import Settings
from autoquality_server.process.app import App
from autoquality_server.telemetry.metrics import Metrics
from tests.redis import RunningRedis, running_redis
from tests.rpc.scripted import ScriptedServicer, request
from tests.servers import START_LIMIT, clean_environment
from tests.waiting import LIMIT, until

ROOT = Path(__file__).parents[2]
ENCODING = "autoquality.v1.EncodingService"


def scrape(port: int) -> dict[str, float]:
    """The samples of a metrics server, by name and labels as they are written."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=LIMIT) as answer:
        lines = answer.read().decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in samples}


def encoding_stub(channel: grpc.Channel) -> Any:
    """A client of our service."""
    return pb_grpc.EncodingServiceStub(channel)  # type: ignore[no-untyped-call]


def health_stub(channel: grpc.Channel) -> Any:
    """A client of the health service."""
    return health_pb2_grpc.HealthStub(channel)


@dataclass
class Served:
    """A server in this process, and a client of it."""

    app: App
    servicer: ScriptedServicer
    channel: grpc.Channel
    stub: Any
    calls: list[Any] = field(default_factory=list)

    @property
    def metrics(self) -> dict[str, float]:
        assert self.app.metrics_port is not None
        return scrape(self.app.metrics_port)

    def fill(self, running: int, queued: int) -> list[Any]:
        """Start requests until so many run and so many wait; they end with the gate."""
        admission = self.servicer.admission
        while len(self.calls) < running + queued:
            self.calls.append(self.stub.Encode.future(request("wait")))
            until(lambda: admission.running + admission.queued == len(self.calls))
        return self.calls


@pytest.fixture
def serve_with() -> Iterator[Callable[..., Served]]:
    """Start servers with the settings given."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(served(**settings))


@contextmanager
def served(**changes: Any) -> Iterator[Served]:
    made: list[ScriptedServicer] = []

    def factory(settings: Settings, admission: Admission, metrics: Metrics) -> ScriptedServicer:
        made.append(ScriptedServicer(settings, admission, metrics))
        return made[-1]

    local = {"listen": "127.0.0.1:0", "metrics_listen": "127.0.0.1:0", "drain_timeout": 10.0}
    app = App(Settings(**{"workers": 1, "queue_size": 1, **local, **changes}), factory)
    app.start()
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        yield Served(app, made[0], channel, encoding_stub(channel))
        made[0].gate.set()
    app.drain()


@dataclass
class Process:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    log: Path
    port: int
    metrics_port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log with this event."""
        lines = map(json.loads, self.log.read_text().splitlines())
        return [line for line in lines if line["event"] == event]


def _ports(log: Path) -> dict[str, int]:
    """The ports in the line that says the server is ready, in either format; none before it."""
    ready = [line for line in log.read_text().splitlines() if "ready" in line]
    found = re.findall(r'\b(port|metrics_port)"?[=:] ?(\d+)', "".join(ready))
    return {name: int(number) for name, number in found}


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start the scripted server in a process of its own, with the variables given."""
    started: list[Process] = []

    def start(**variables: str) -> Process:
        local = {"LISTEN": "127.0.0.1:0", "METRICS_LISTEN": "127.0.0.1:0", "WORKERS": "1"}
        environ = {f"AUTOQUALITY_{name}": text for name, text in (local | variables).items()}
        log = tmp_path / f"server-{len(started)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.rpc.runner"],
                env={**clean_environment(), **environ},
                cwd=ROOT,
                stderr=output,
                text=True,
            )
        server = Process(process, log, 0, 0)
        started.append(server)
        until(lambda: process.poll() is not None or _ports(log), within=START_LIMIT)
        assert process.poll() is None, log.read_text()
        server.port, server.metrics_port = _ports(log)["port"], _ports(log)["metrics_port"]
        return server

    yield start
    for server in started:
        server.process.kill()
        server.process.wait(LIMIT)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRedis]:
    with running_redis(tmp_path_factory.mktemp("redis")) as running:
        yield running
