"""Health checks and watches with callers that are slow, silent or many."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from autoquality_server.rpc import health
from autoquality_server.rpc.interceptors.transfers import TimeoutTimer
from tests.http2 import PREFACE, frame, room_for, unary_call
from tests.rpc.conftest import Served, health_stub
from tests.waiting import LIMIT, in_background, until, wait_for

Serve = Callable[..., Served]
Status = health_pb2.HealthCheckResponse

PING, ACK = 6, 1


@contextmanager
def watchers_without_room(port: int, count: int) -> Iterator[None]:
    """Watches of one connection that has no room for any message, but answers pings."""
    calls = b"".join(
        unary_call(2 * number + 1, "grpc.health.v1.Health/Watch", b"") for number in range(count)
    )
    with socket.create_connection(("127.0.0.1", port), LIMIT) as client:
        client.sendall(PREFACE + room_for(0) + calls)
        threading.Thread(target=_answer_pings, args=(client,), daemon=True).start()
        yield
        client.shutdown(socket.SHUT_RDWR)


def _answer_pings(client: socket.socket) -> None:
    with suppress(OSError), client.makefile("rb") as stream:
        while head := stream.read(9):
            (size,) = struct.unpack(">I", b"\0" + head[:3])
            payload = stream.read(size)
            if head[3] == PING and not head[4] & ACK:
                client.sendall(frame(PING, payload, ACK))


class Call:
    """A call of a watcher that stays connected."""

    cancelled = False

    def add_callback(self, _ended: Callable[[], None]) -> bool:
        return True

    def cancel(self) -> None:
        self.cancelled = True


def started_watches(server: Served) -> float:
    labels = 'grpc_method="Watch",grpc_service="grpc.health.v1.Health",grpc_type="server_stream"'
    return server.metrics[f"grpc_server_started_total{{{labels}}}"]


def open_watches(server: Served) -> int:
    return sum(len(one._watches) for one in server.app._health._servicers)


@pytest.mark.parametrize("port", ["port", "health_port"])
def test_watchers_that_take_nothing_delay_no_check_and_no_change(
    serve_with: Serve, port: str
) -> None:
    server = serve_with(health_listen="127.0.0.1:0", upload_timeout=0)
    with watchers_without_room(getattr(server.app, port), 3):
        until(lambda: started_watches(server) == 3)
        with grpc.insecure_channel(f"127.0.0.1:{getattr(server.app, port)}") as channel:
            stub = health_stub(channel)
            asked = health_pb2.HealthCheckRequest(service="part")
            watching = stub.Watch(asked, timeout=LIMIT)
            assert next(watching).status == Status.SERVICE_UNKNOWN
            server.app._health.part("part", True)
            assert stub.Check(asked, timeout=LIMIT).status == Status.SERVING
            assert next(watching).status == Status.SERVING
            watching.cancel()


def test_watchers_that_take_nothing_are_cut_off(serve_with: Serve) -> None:
    """More of them than there are threads: the one behind them gets its answer."""
    server = serve_with(upload_timeout=0.5)
    with watchers_without_room(server.app.port, 8):
        until(lambda: started_watches(server) >= 4)
        watching = health_stub(server.channel).Watch(health_pb2.HealthCheckRequest(), timeout=LIMIT)
        assert next(watching).status == Status.SERVING
        watching.cancel()
        until(lambda: open_watches(server) == 0)


def test_watchers_that_take_nothing_delay_no_drain(
    serve_with: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "TIMEOUT", 0.0)  # no limit
    monkeypatch.setattr(health, "_STALLED", 0.0)
    server = serve_with(drain_timeout=10 * LIMIT, upload_timeout=0)
    with watchers_without_room(server.app.port, 3):
        until(lambda: started_watches(server) == 3)
        until(lambda: open_watches(server) == 3)
        assert in_background(server.app.drain).result(LIMIT)


def test_a_watcher_that_is_taking_a_message_learns_of_the_drain() -> None:
    timer = TimeoutTimer(LIMIT)
    status = health.Health((), timer)
    taken, sent, call = threading.Event(), list[int | None](), Call()

    def send(response: Any) -> None:
        sent.append(response and response.status)
        wait_for(taken)

    status.serving()
    servicer = health._Servicer(status)
    status._servicers.append(servicer)
    watching = in_background(servicer.Watch, health_pb2.HealthCheckRequest(), call, send)
    until(lambda: sent == [Status.SERVING])
    status.drain()
    taken.set()
    watching.result(LIMIT)
    assert sent == [Status.SERVING, Status.NOT_SERVING, None]
    assert not call.cancelled
    timer.close()


def test_nothing_remains_of_watches_that_have_ended(serve_with: Serve) -> None:
    server = serve_with()
    stub = health_stub(server.channel)
    for number in range(50):
        watching = stub.Watch(health_pb2.HealthCheckRequest(service=f"unknown-{number}"))
        assert next(watching).status == Status.SERVICE_UNKNOWN
        watching.cancel()
    until(lambda: open_watches(server) == 0)


def test_only_so_many_watches_are_open(serve_with: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MOST_WATCHES", 2)
    stub, asked = health_stub(serve_with().channel), health_pb2.HealthCheckRequest()
    watches = [stub.Watch(asked) for _ in range(2)]
    assert [next(one).status for one in watches] == [Status.SERVING] * 2
    with pytest.raises(grpc.RpcError) as caught:
        next(stub.Watch(asked))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.details() == "too many watches are open: try again in 10.00 s"
    for one in watches:
        one.cancel()


def test_a_watch_of_a_very_long_name_is_refused(serve_with: Serve) -> None:
    server = serve_with()
    with pytest.raises(grpc.RpcError) as caught:
        next(health_stub(server.channel).Watch(health_pb2.HealthCheckRequest(service="x" * 257)))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "service: must have at most 256 characters, has 257"


def test_the_port_for_checks_alone_takes_no_large_message(serve_with: Serve) -> None:
    server = serve_with(health_listen="127.0.0.1:0")
    with grpc.insecure_channel(f"127.0.0.1:{server.app.health_port}") as channel:
        stub = health_stub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="x" * 5000), timeout=LIMIT)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert stub.Check(health_pb2.HealthCheckRequest()).status == Status.SERVING


def test_a_large_check_is_refused_before_it_is_decoded(serve_with: Serve) -> None:
    stub = health_stub(serve_with().channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="x" * 4094), timeout=LIMIT)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "the request must have at most 4096 bytes, has 4097"
