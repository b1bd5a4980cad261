"""Health checks at a port of their own, and the command that asks there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2

from autoquality_server.cli import health
from autoquality_server.config.address import StartError
from tests.authorities import TlsFiles
from tests.rpc.conftest import ENCODING, Served, encoding_stub, health_stub
from tests.rpc.scripted import request
from tests.waiting import LIMIT, in_background, until

Serve = Callable[..., Served]
Status = health_pb2.HealthCheckResponse


@pytest.fixture
def guarded(tmp_path: Path) -> dict[str, object]:
    """Settings of a server that wants a client certificate and a token, also for health checks."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"shop: {'x' * 20}\n")
    mutual = TlsFiles.of(tmp_path, trustme.CA()).mutual
    return {**mutual, "token_file": str(tokens), "open_health": False}


@pytest.fixture
def server(serve_with: Serve, guarded: dict[str, object]) -> Served:
    return serve_with(health_listen="127.0.0.1:0", **guarded)


@pytest.fixture
def channel(server: Served) -> Iterator[grpc.Channel]:
    """To the port of health checks, in the clear and with no token."""
    with grpc.insecure_channel(f"127.0.0.1:{server.app.health_port}") as opened:
        yield opened


def status(channel: grpc.Channel, service: str = "") -> int:
    asked = health_pb2.HealthCheckRequest(service=service)
    return int(health_stub(channel).Check(asked).status)


def variables(fields: dict[str, object]) -> dict[str, str]:
    return {f"AUTOQUALITY_{name.upper()}": str(value) for name, value in fields.items()}


def test_a_probe_needs_no_certificate_and_no_token_there(channel: grpc.Channel) -> None:
    assert [status(channel, name) for name in ("", ENCODING)] == [Status.SERVING] * 2


def test_nothing_but_health_is_served_there(server: Served, channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        encoding_stub(channel).Encode(request())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert server.servicer.calls == 0


def test_while_the_server_drains_it_says_not_serving(serve_with: Serve) -> None:
    server = serve_with(health_listen="127.0.0.1:0")
    (call,) = server.fill(running=1, queued=0)
    with grpc.insecure_channel(f"127.0.0.1:{server.app.health_port}") as channel:
        draining = in_background(server.app.drain)
        until(lambda: status(channel) == Status.NOT_SERVING)
        server.servicer.gate.set()
        assert call.result(LIMIT).quality == 80
        draining.result(LIMIT)
        with pytest.raises(grpc.RpcError):
            status(channel)


def test_a_port_that_is_taken_is_named(serve_with: Serve, server: Served) -> None:
    with pytest.raises(StartError, match=r"AUTOQUALITY_HEALTH_LISTEN: cannot listen on .* in use"):
        serve_with(health_listen=f"127.0.0.1:{server.app.health_port}")


def test_the_command_asks_there(
    server: Served, guarded: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    settings = variables({**guarded, "health_listen": f":{server.app.health_port}"})
    assert health.run([], settings) == 0
    assert health.run(["--health-listen", "127.0.0.1:1"], settings) == 1
    said = capsys.readouterr()
    assert [line for line in said.out.splitlines() if line.endswith("SERVING")] == [
        "SERVING",
        "NOT SERVING",
    ]
    assert "health: 127.0.0.1:1 cannot be reached" in said.err


def test_another_service_is_not_serving(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = grpc.server(ThreadPoolExecutor(1))
    other.add_insecure_port(f"unix:{tmp_path}/other")
    other.start()
    assert health.run(["--health-listen", f"unix:{tmp_path}/other"], {}) == 1
    other.stop(None).wait(LIMIT)
    said = capsys.readouterr()
    assert said.out == "NOT SERVING\n"
    assert f"unix:{tmp_path}/other answers UNIMPLEMENTED" in said.err


def test_the_command_asks_over_a_unix_socket(serve_with: Serve, tmp_path: Path) -> None:
    socket = f"unix:{tmp_path / 'health'}"
    serve_with(health_listen=socket)
    assert health.run(["--health-listen", socket], {}) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1", "localhost", ""])
def test_without_such_a_port_the_command_asks_where_grpc_is_served(
    serve_with: Serve, host: str
) -> None:
    server = serve_with()
    assert health.run([], {"AUTOQUALITY_LISTEN": f"{host}:{server.app.port}"}) == 0


def test_the_command_says_what_is_missing_where_it_would_need_a_certificate(
    guarded: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert health.run([], variables(guarded)) == 2
    assert "AUTOQUALITY_HEALTH_LISTEN: must be set if" in capsys.readouterr().err
