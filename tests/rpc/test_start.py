"""From the start to serving, and starts that fail."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2

from autoquality.testing import png_image
from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.pipeline.job import EncodeResult
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_server.admission import Admission
from autoquality_server.config import Settings, load
from autoquality_server.config.address import StartError, check_free
from autoquality_server.process import WRONG_SETTING
from autoquality_server.process.app import App
from autoquality_server.rpc import servicer
from autoquality_server.telemetry.metrics import Metrics
from tests.commands import python
from tests.rpc.conftest import ENCODING, ROOT, Served, encoding_stub, health_stub
from tests.rpc.scripted import ScriptedServicer, request
from tests.servers import NO_NETWORKS, START_LIMIT, clean_environment
from tests.waiting import GATE_LIMIT, LIMIT, in_background, until, wait_for

Status = health_pb2.HealthCheckResponse


def test_health_says_not_serving_until_the_service_is_warm() -> None:
    made: list[ScriptedServicer] = []

    def cold(settings: Settings, admission: Admission, metrics: Metrics) -> ScriptedServicer:
        made.append(ScriptedServicer(settings, admission, metrics))
        made[0].warm.clear()
        return made[0]

    app = App(Settings(listen="127.0.0.1:0", metrics_listen="", workers=1), cold)
    starting = in_background(app.start)
    until(lambda: app.port)
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        check = health_stub(channel).Check

        def statuses() -> set[int]:
            asked = [health_pb2.HealthCheckRequest(service=name) for name in ("", ENCODING)]
            return {check(one, wait_for_ready=True).status for one in asked}

        assert statuses() == {Status.NOT_SERVING}
        made[0].warm.set()
        starting.result(LIMIT)
        assert statuses() == {Status.SERVING}
        with pytest.raises(grpc.RpcError) as caught:
            check(health_pb2.HealthCheckRequest(service="nobody"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert caught.value.details() == f"service: must be one of '', '{ENCODING}'"
        listed: Any = channel.unary_unary(
            "/grpc.health.v1.Health/List",
            response_deserializer=cast("Any", health_pb2).HealthListResponse.FromString,
        )(b"")
        assert {name: one.status for name, one in listed.statuses.items()} == {
            "": Status.SERVING,
            ENCODING: Status.SERVING,
        }
    app.drain()


def test_no_encoding_starts_until_every_loop_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, run, at_start = threading.Event(), Pipeline.run, []

    def observed(self: Pipeline, *arguments: Any) -> EncodeResult:
        at_start.append(compiled.is_set())
        return run(self, *arguments)

    monkeypatch.setattr(Pipeline, "run", observed)
    monkeypatch.setattr(servicer, "warm_up", lambda: wait_for(compiled, within=GATE_LIMIT))
    app = App(load({"listen": "127.0.0.1:0", "metrics_listen": "off"}, NO_NETWORKS).settings)
    starting = in_background(app.start)
    until(lambda: app.port)
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        photo = pb.EncodeRequest(image=png_image(64, 64), format=pb.FORMAT_WEBP)
        waiting = encoding_stub(channel).Encode.future(photo, wait_for_ready=True)
        until(lambda: app.admission.running)
        compiled.set()
        assert waiting.result(LIMIT).format == pb.FORMAT_WEBP
    assert at_start == [True]
    starting.result(LIMIT)
    app.drain()


def test_a_unix_socket_is_served(serve_with: Callable[..., Served], tmp_path: Path) -> None:
    path = tmp_path / "autoquality.sock"
    serve_with(listen=f"unix:{path}")
    with grpc.insecure_channel(f"unix:{path}") as channel:
        assert encoding_stub(channel).Encode(request()).quality == 80


def test_every_interface_is_served_when_asked_for(serve_with: Callable[..., Served]) -> None:
    server = serve_with(listen="0.0.0.0:0")
    with grpc.insecure_channel(f"127.0.0.1:{server.app.port}") as channel:
        stub = encoding_stub(channel)
        assert stub.GetServerInfo(pb.GetServerInfoRequest()).version == "scripted"


def start_of(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autoquality_server"],
        env={
            **clean_environment(),
            **NO_NETWORKS,
            "AUTOQUALITY_LOG_LEVEL": "error",
            "AUTOQUALITY_PROCESSES": "1",  # on any machine
            **{f"AUTOQUALITY_{name}": text for name, text in variables.items()},
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def taken() -> Iterator[int]:
    """A port with a listener."""
    holder = socket.create_server(("127.0.0.1", 0))
    yield holder.getsockname()[1]
    holder.close()


def test_a_port_in_use_ends_the_start_with_one_line_and_code_1(taken: int) -> None:
    done = start_of(LISTEN=f"127.0.0.1:{taken}", METRICS_LISTEN="off")
    assert done.returncode == 1
    assert json.loads(done.stderr)["error"] == (
        f"AUTOQUALITY_LISTEN: cannot listen on 127.0.0.1:{taken}: address already in use"
    )


def test_so_does_a_metrics_port_in_use(taken: int) -> None:
    done = start_of(LISTEN="127.0.0.1:0", METRICS_LISTEN=f"127.0.0.1:{taken}")
    assert done.returncode == 1
    assert json.loads(done.stderr)["error"] == (
        f"AUTOQUALITY_METRICS_LISTEN: cannot listen on 127.0.0.1:{taken}: address already in use"
    )


def test_a_unix_socket_on_which_a_server_answers_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "busy.sock"
    with socket.socket(socket.AF_UNIX) as holder:
        holder.bind(str(path))
        holder.listen()
        with pytest.raises(StartError, match="another server answers there"):
            check_free("AUTOQUALITY_LISTEN", f"unix:{path}")
    check_free("AUTOQUALITY_LISTEN", f"unix:{path}")  # left behind: may be replaced


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("no-such-host.invalid:1", "no such host"),
        ("unix:/no/such/folder/x.sock", "no such folder"),
        ("unix:/" + "x" * 200, "AF_UNIX path too long"),
        ("192.0.2.1:0", "cannot assign requested address"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_one_line_error(address: str, why: str) -> None:
    with pytest.raises(StartError) as caught:
        check_free("AUTOQUALITY_LISTEN", address)
    assert str(caught.value) == f"AUTOQUALITY_LISTEN: cannot listen on {address}: {why}"


def test_the_first_line_says_that_the_server_starts(taken: int) -> None:
    listen = f"127.0.0.1:{taken}"
    done = start_of(LISTEN=listen, METRICS_LISTEN="off", LOG_LEVEL="info")
    starting, failed = map(json.loads, done.stderr.splitlines())
    assert (starting["event"], starting["listen"]) == ("starting", listen)
    assert failed["event"] == "the server does not start"


def test_the_shell_does_not_import_tensorflow() -> None:
    code = (
        "import sys, tests.rpc.runner, autoquality_server.__main__;"
        "sys.exit('tensorflow' in sys.modules)"
    )
    python(code)


def test_closed_outputs_do_not_prevent_the_start_and_the_end(tmp_path: Path) -> None:
    """A socket of the server would get the number of a closed one."""
    command = shlex.join([sys.executable, "-m", "autoquality_server"])
    health = tmp_path / "health.sock"
    local = {"LISTEN": "127.0.0.1:0", "HEALTH_LISTEN": f"unix:{health}", "METRICS_LISTEN": "off"}
    environ = {f"AUTOQUALITY_{name}": text for name, text in local.items()}
    process = subprocess.Popen(
        ["sh", "-c", f"exec {command} 0<&- 1>&- 2>&-"],
        env={**clean_environment(), **NO_NETWORKS, **environ, "AUTOQUALITY_PROCESSES": "1"},
        cwd=ROOT,
    )

    def serves() -> bool:
        with grpc.insecure_channel(f"unix:{health}") as channel, suppress(grpc.RpcError):
            answer = health_stub(channel).Check(health_pb2.HealthCheckRequest())
            return bool(answer.status == Status.SERVING)
        return False

    try:
        until(lambda: serves() or process.poll() is not None, within=START_LIMIT)
        process.terminate()
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()


def test_a_wrong_setting_has_its_exit_code_without_an_output() -> None:
    command = shlex.join([sys.executable, "-m", "autoquality_server", "--method", "wrong"])
    done = subprocess.run(["sh", "-c", f"exec {command} 2>&-"], cwd=ROOT, check=False)
    assert done.returncode == WRONG_SETTING
