"""Health checks at a port of their own, and metrics over HTTPS, with several processes."""

from __future__ import annotations

import os
import signal
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2

from tests.authorities import TlsFiles
from tests.faults.conftest import Fleet
from tests.faults.faulty import DEADLY
from tests.rpc.conftest import health_stub
from tests.waiting import LIMIT, until

SERVING = health_pb2.HealthCheckResponse.SERVING


def metrics_of(fleet: Fleet, authority: trustme.CA) -> str:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    url = f"https://127.0.0.1:{fleet.metrics_port}/metrics"
    with urllib.request.urlopen(url, context=context, timeout=LIMIT) as answer:
        return str(answer.read().decode())


def check(port: int) -> int | grpc.StatusCode:
    """The answer to a health check over a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        try:
            return int(health_stub(channel).Check(health_pb2.HealthCheckRequest()).status)
        except grpc.RpcError as error:
            return error.code()


def test_both_are_there_and_a_process_that_is_missing_fails_no_check(
    start_fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    authority = trustme.CA()
    files = TlsFiles.of(tmp_path, authority)
    fleet = start_fleet(
        HEALTH_LISTEN="127.0.0.1:0",
        METRICS_TLS="true",
        TLS_CERT=str(files.cert),
        TLS_KEY=str(files.key),
    )
    (ready,) = fleet.lines("ready")
    assert [check(ready["health_port"]) for _ in range(8)] == [SERVING] * 8
    assert "autoquality_processes_ready 2.0" in metrics_of(fleet, authority)
    with pytest.raises((ConnectionError, urllib.error.URLError)):
        urllib.request.urlopen(f"http://127.0.0.1:{fleet.metrics_port}/metrics")

    fleet.touch(DEADLY)
    one, other = fleet.pids()
    os.kill(one, signal.SIGKILL)
    until(lambda: "autoquality_processes_ready 1.0" in metrics_of(fleet, authority))
    assert [check(ready["health_port"]) for _ in range(8)] == [SERVING] * 8

    os.kill(other, signal.SIGKILL)
    until(lambda: "autoquality_processes_ready 0.0" in metrics_of(fleet, authority))
    assert check(ready["health_port"]) is grpc.StatusCode.UNAVAILABLE
