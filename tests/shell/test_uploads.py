"""Receiving requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2

from autoquality.v1 import encoding_pb2 as pb
from tests.shell.conftest import ENCODING, Served, health_stub, until
from tests.shell.scripted import request


def upload(server: Served) -> Any:
    """`Encode` as a call whose one request may come late, never or more than once."""
    return server.channel.stream_unary(
        f"/{ENCODING}/Encode",
        request_serializer=pb.EncodeRequest.SerializeToString,
        response_deserializer=pb.EncodeResponse.FromString,
    )


def test_a_call_without_a_request_is_refused(serve_with: Callable[..., Served]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        upload(serve_with())(iter([]))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_only_the_first_request_of_a_call_counts(serve_with: Callable[..., Served]) -> None:
    server = serve_with()
    assert upload(server)(iter([request(), request("defect")])).quality == 80
    assert server.servicer.calls == 1


def never() -> Iterator[pb.EncodeRequest]:
    """A request that does not arrive; the test's end lets go of it."""
    threading.Event().wait(200)
    yield request()


def test_an_upload_that_does_not_arrive_in_time_is_cut_off_and_counted(
    serve_with: Callable[..., Served],
) -> None:
    server = serve_with(upload_timeout=0.5)
    server.stub.Encode(request())  # connected
    stalled = [upload(server).future(never()) for _ in range(20)]
    assert {call.code() for call in stalled} == {grpc.StatusCode.CANCELLED}
    until(lambda: server.metrics['autoquality_rejected_total{reason="UPLOAD_TOO_SLOW"}'] == 20)
    assert server.metrics["autoquality_uploads_in_flight"] == 0
    assert server.stub.Encode(request()).quality == 80


def test_uploads_that_never_end_hold_no_thread_for_ever(serve_with: Callable[..., Served]) -> None:
    """All threads wait for uploads that stall; the call behind them is served nevertheless."""
    server = serve_with(workers=1, queue_size=1, upload_timeout=2.0)
    pool = server.app._pool
    stalled = [upload(server).future(never()) for _ in range(pool._max_workers)]
    until(lambda: server.metrics["autoquality_uploads_in_flight"] == pool._max_workers)
    assert server.stub.Encode(request()).quality == 80
    assert {call.code() for call in stalled} == {grpc.StatusCode.CANCELLED}


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_health_checks_that_never_arrive_starve_no_others(
    serve_with: Callable[..., Served], method: str
) -> None:
    server = serve_with(upload_timeout=1.0)
    for _ in range(8):
        ask: Any = server.channel.stream_stream(f"/grpc.health.v1.Health/{method}")
        ask(never())
    assert health_stub(server.channel).Check(health_pb2.HealthCheckRequest()).status == 1


def test_a_slow_upload_within_the_time_is_served(serve_with: Callable[..., Served]) -> None:
    server = serve_with(upload_timeout=30.0)
    arrive = threading.Event()

    def late() -> Iterator[pb.EncodeRequest]:
        arrive.wait()
        yield request()

    call = upload(server).future(late())
    until(lambda: server.metrics["autoquality_uploads_in_flight"] == 1)
    arrive.set()
    assert call.result().quality == 80


def test_without_a_limit_an_upload_may_take_any_time(serve_with: Callable[..., Served]) -> None:
    server = serve_with(upload_timeout=0)
    stalled = upload(server).future(never())
    until(lambda: server.metrics["autoquality_uploads_in_flight"] == 1)
    for _ in range(20):
        assert server.stub.Encode(request()).quality == 80
    assert server.metrics["autoquality_uploads_in_flight"] == 1
    stalled.cancel()
    until(lambda: server.metrics["autoquality_uploads_in_flight"] == 0)
