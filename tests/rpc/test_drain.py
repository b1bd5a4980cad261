"""SIGTERM: not serving, finish what was accepted, exit 0. In processes of their own."""

from __future__ import annotations

import ctypes
import signal
import socket
import threading
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from autoquality.v1 import encoding_pb2 as pb
from tests.http2 import PREFACE, room_for, unary_call
from tests.rpc.conftest import ENCODING, Process, Served, encoding_stub, health_stub, scrape
from tests.rpc.scripted import request
from tests.waiting import GATE_LIMIT, LIMIT, until, wait_for

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def occupy(server: Process, channel: grpc.Channel, gate: Path, *, queued: int) -> list[Any]:
    """One request that runs until `gate` exists, and some that wait for it."""
    calls = [encoding_stub(channel).Encode.future(request(f"wait-for:{gate}"))]
    until(lambda: scrape(server.metrics_port)["autoquality_requests_in_flight"] == 1)
    calls += [encoding_stub(channel).Encode.future(request()) for _ in range(queued)]
    until(lambda: scrape(server.metrics_port)["autoquality_requests_queued"] == queued)
    return calls


def watch(channel: grpc.Channel) -> Any:
    """A health watch, past its first answer."""
    watching = health_stub(channel).Watch(health_pb2.HealthCheckRequest())
    next(watching)
    return watching


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_runs_and_what_waits_is_finished(
    start_process: Callable[..., Process], tmp_path: Path, number: signal.Signals
) -> None:
    server = start_process()
    with grpc.insecure_channel(server.address) as channel:
        calls = occupy(server, channel, tmp_path / "gate", queued=3)
        watching = watch(channel)
        server.process.send_signal(number)
        assert next(watching).status == NOT_SERVING
        assert scrape(server.metrics_port)["autoquality_requests_in_flight"] == 1
        (tmp_path / "gate").touch()
        assert [call.result(LIMIT).quality for call in calls] == [80] * 4
    assert server.process.wait(LIMIT) == 0
    assert server.lines("stopped")[0]["cut_off"] == 0
    with pytest.raises(urllib.error.URLError):
        scrape(server.metrics_port)


def test_a_signal_that_another_thread_took_is_heeded(
    start_process: Callable[..., Process],
) -> None:
    """Python's handler then waits for a main thread that nothing wakes."""
    server = start_process()
    pid = server.process.pid
    threads = sorted(int(one.name) for one in Path(f"/proc/{pid}/task").iterdir())
    other = next(one for one in threads if one != pid)
    assert ctypes.CDLL(None).tgkill(pid, other, signal.SIGTERM) == 0
    assert server.process.wait(LIMIT) == 0
    assert server.lines("stopped")[0]["cut_off"] == 0


def test_new_calls_are_refused_while_draining(
    start_process: Callable[..., Process], tmp_path: Path
) -> None:
    server = start_process()
    with grpc.insecure_channel(server.address) as channel:
        (running,) = occupy(server, channel, tmp_path / "gate", queued=0)
        watching = watch(channel)
        server.process.terminate()
        assert next(watching).status == NOT_SERVING
        until(lambda: server.lines("draining"))
        with grpc.insecure_channel(server.address) as another:
            until(lambda: _refused(another))
        (tmp_path / "gate").touch()
        assert running.result(LIMIT).quality == 80
    assert server.process.wait(LIMIT) == 0


def _refused(channel: grpc.Channel) -> bool:
    try:
        encoding_stub(channel).GetServerInfo(request(), timeout=30)
    except grpc.RpcError as error:
        return error.code() is grpc.StatusCode.UNAVAILABLE
    return False


def test_open_streams_of_watchers_and_reflection_do_not_hold_up_the_drain(
    start_process: Callable[..., Process],
) -> None:
    """The limit is an hour: the test would time out if the streams were waited for."""
    server = start_process(DRAIN_TIMEOUT="3600")
    with grpc.insecure_channel(server.address) as channel:
        watching = watch(channel)
        until_closed = iter(lambda: server.process.wait(LIMIT) and None, None)

        def asking() -> Any:
            yield reflection_pb2.ServerReflectionRequest(list_services="")
            yield from until_closed

        reflector: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = reflector.ServerReflectionInfo(asking())
        next(answers)
        server.process.terminate()
        assert [answer.status for answer in watching] == [NOT_SERVING]
        assert watching.code() is grpc.StatusCode.OK
        assert server.process.wait(LIMIT) == 0


def test_calls_beyond_the_drain_timeout_are_cut_off_and_reported(
    start_process: Callable[..., Process], tmp_path: Path
) -> None:
    server = start_process(DRAIN_TIMEOUT="0.2")
    with grpc.insecure_channel(server.address) as channel:
        (running,) = occupy(server, channel, tmp_path / "never", queued=0)
        server.process.terminate()
        assert running.exception(LIMIT).code() in (
            grpc.StatusCode.CANCELLED,
            grpc.StatusCode.UNAVAILABLE,
        )
    assert server.process.wait(LIMIT) == 1
    assert server.lines("stopped")[0]["cut_off"] == 1


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("Encode", request(image=bytes(16_000))),
        ("EncodeStream", pb.EncodeStreamRequest(chunk=bytes(16_000))),
    ],
)
def test_answers_that_are_not_taken_within_the_drain_timeout_are_cut_off(
    serve_with: Callable[..., Served], method: str, message: Any
) -> None:
    server = serve_with(drain_timeout=0.2)
    with socket.create_connection(("127.0.0.1", server.app.port), LIMIT) as client:
        client.sendall(PREFACE + room_for(0))
        client.sendall(unary_call(1, f"{ENCODING}/{method}", message.SerializeToString()))
        until(lambda: len(server.app._downloads))
        with capture_logs() as lines:
            assert not server.app.drain()
    assert lines[-1] == {"event": "stopped", "cut_off": 1, "log_level": "info"}


def test_an_upload_that_never_ends_is_nothing_that_was_accepted(
    start_process: Callable[..., Process],
) -> None:
    server = start_process(DRAIN_TIMEOUT="0.2")
    with grpc.insecure_channel(server.address) as channel:
        ended = threading.Event()

        def never() -> Iterator[pb.EncodeRequest]:
            wait_for(ended, within=GATE_LIMIT)
            yield request()

        upload = channel.stream_unary(
            f"/{ENCODING}/Encode",
            request_serializer=pb.EncodeRequest.SerializeToString,
            response_deserializer=pb.EncodeResponse.FromString,
        ).future(never())
        # Once this is answered, the headers of the upload have arrived as well.
        encoding_stub(channel).GetServerInfo(request())
        server.process.terminate()
        assert server.process.wait(LIMIT) == 0
        ended.set()
        assert upload.exception(LIMIT) is not None
    assert server.lines("stopped")[0]["cut_off"] == 0


def test_a_second_signal_ends_the_process_at_once(
    start_process: Callable[..., Process], tmp_path: Path
) -> None:
    server = start_process(DRAIN_TIMEOUT="3600")
    with grpc.insecure_channel(server.address) as channel:
        occupy(server, channel, tmp_path / "never", queued=0)
        watching = watch(channel)
        server.process.terminate()
        assert next(watching).status == NOT_SERVING
        server.process.terminate()
        assert server.process.wait(LIMIT) == 128 + signal.SIGTERM


def test_a_terminal_that_closes_may_send_its_signal_twice(
    start_process: Callable[..., Process], tmp_path: Path
) -> None:
    server = start_process()
    with grpc.insecure_channel(server.address) as channel:
        (running,) = occupy(server, channel, tmp_path / "gate", queued=0)
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.lines("draining"))
        server.process.send_signal(signal.SIGHUP)
        (tmp_path / "gate").touch()
        assert running.result(LIMIT).quality == 80
    assert server.process.wait(LIMIT) == 0


def test_a_server_that_nohup_starts_survives_its_terminal(
    start_process: Callable[..., Process],
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # inherited
    try:
        server = start_process()
    finally:
        signal.signal(signal.SIGHUP, before)
    server.process.send_signal(signal.SIGHUP)
    with grpc.insecure_channel(server.address) as channel:
        assert encoding_stub(channel).Encode(request()).quality == 80
    assert not server.lines("draining")


def test_an_idle_server_ends_with_0(start_process: Callable[..., Process]) -> None:
    server = start_process()
    server.process.terminate()
    assert server.process.wait(LIMIT) == 0


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_when_the_server_is_ready_and_when_it_drains(
    serve_with: Callable[..., Served],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    abstract: bool,
) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(LIMIT)
        systemd.bind(f"\0{name}" if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}" if abstract else name)
        server = serve_with()
        assert systemd.recv(100) == b"READY=1"
        server.app.drain()
        assert systemd.recv(100) == b"STOPPING=1"
