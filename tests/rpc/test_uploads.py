"""Receiving requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2

from autoquality import Client, DeadlineExceededError
from autoquality.v1 import encoding_pb2 as pb
from autoquality_server.rpc import executor, health
from tests.rpc.conftest import ENCODING, Served, health_stub
from tests.rpc.lines import slow_line
from tests.rpc.scripted import request
from tests.rpc.test_errors import detail
from tests.waiting import GATE_LIMIT, LIMIT, until, wait_for


def upload(server: Served) -> Any:
    """`Encode` as a call whose one request may come late, never or more than once."""
    return server.channel.stream_unary(
        f"/{ENCODING}/Encode",
        request_serializer=pb.EncodeRequest.SerializeToString,
        response_deserializer=pb.EncodeResponse.FromString,
    )


def reason_of(call: Any) -> tuple[grpc.StatusCode, str]:
    """How a call ended: its status, and the reason for programs."""
    info = detail(call, error_details_pb2.ErrorInfo)
    assert info is not None
    return call.code(), info.reason


TOO_SLOW = (grpc.StatusCode.DEADLINE_EXCEEDED, "UPLOAD_TIMEOUT")


def test_a_call_without_a_request_is_refused(serve_with: Callable[..., Served]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        upload(serve_with())(iter([]))
    assert reason_of(caught.value) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_MISSING")


@pytest.mark.parametrize("message", [b"\xff\xff", b"\x0a\x7f", b"\x0a" * 100])
@pytest.mark.parametrize("method", ["Encode", "Compare", "EncodeStream"])
def test_a_request_that_cannot_be_decoded_is_the_callers_error(
    serve_with: Callable[..., Served],
    caplog: pytest.LogCaptureFixture,
    method: str,
    message: bytes,
) -> None:
    server = serve_with()
    call: Any = server.channel.stream_stream(f"/{ENCODING}/{method}")
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([message])))
    assert reason_of(caught.value) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNREADABLE")
    assert method in str(caught.value.details())
    kind = "bidi_stream" if method == "EncodeStream" else "unary"
    labels = f'grpc_method="{method}",grpc_service="{ENCODING}",grpc_type="{kind}"'
    ended = f'grpc_server_handled_total{{grpc_code="INVALID_ARGUMENT",{labels}}}'
    until(lambda: server.metrics[ended] == 1)
    assert server.metrics['autoquality_rejected_total{reason="REQUEST_UNREADABLE"}'] == 1
    assert not [one for one in caplog.records if one.exc_info or one.levelname == "ERROR"]


def test_undecodable_calls_of_other_services_leave_no_traceback_either(
    serve_with: Callable[..., Served], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve_with(reflection=True)
    for method in (
        "grpc.health.v1.Health/Check",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ):
        call: Any = server.channel.stream_stream(f"/{method}")
        with pytest.raises(grpc.RpcError) as caught:
            list(call(iter([b"\xff\xff"])))
        assert reason_of(caught.value) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_UNREADABLE")
    assert not [one for one in caplog.records if one.exc_info]


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
    assert {reason_of(call) for call in stalled} == {TOO_SLOW}
    until(lambda: server.metrics['autoquality_rejected_total{reason="UPLOAD_TIMEOUT"}'] == 20)
    assert server.metrics["autoquality_uploads_in_flight"] == 0
    assert server.stub.Encode(request()).quality == 80


@pytest.mark.parametrize("streamed", [False, True])
def test_our_client_reports_why_and_does_not_send_the_file_again(
    serve_with: Callable[..., Served], streamed: bool
) -> None:
    server, file = serve_with(upload_timeout=0.5), bytes(300_000)
    with (
        slow_line(server.app.port, forth=100_000) as (port, sent, _),
        Client(f"127.0.0.1:{port}") as client,
        pytest.raises(DeadlineExceededError, match="did not arrive in time") as caught,
    ):
        client.encode(file, stream_above=0 if streamed else None)
    assert caught.value.reason == "UPLOAD_TIMEOUT"
    assert 0 < sent() < 2 * len(file)
    assert server.metrics['autoquality_rejected_total{reason="UPLOAD_TIMEOUT"}'] == 1


def test_uploads_that_never_end_hold_no_thread_for_ever(serve_with: Callable[..., Served]) -> None:
    """All threads wait for uploads that stall; the call behind them is served nevertheless."""
    server = serve_with(workers=1, queue_size=1, upload_timeout=2.0)
    pool = server.app._pool
    stalled = [upload(server).future(never()) for _ in range(pool._max_workers)]
    labels = f'grpc_method="Encode",grpc_service="{ENCODING}",grpc_type="unary"'
    started = f"grpc_server_started_total{{{labels}}}"
    until(lambda: server.metrics[started] == pool._max_workers)
    assert server.stub.Encode(request()).quality == 80
    assert {reason_of(call) for call in stalled} == {TOO_SLOW}


@pytest.mark.parametrize("method", ["Check", "Watch"])
def test_health_checks_that_never_arrive_starve_no_others(
    serve_with: Callable[..., Served], method: str
) -> None:
    server = serve_with(upload_timeout=1.0)
    for _ in range(8):
        ask: Any = server.channel.stream_stream(f"/grpc.health.v1.Health/{method}")
        ask(never())
    assert health_stub(server.channel).Check(health_pb2.HealthCheckRequest()).status == 1


@pytest.mark.parametrize("method", health.SERVICE.methods_by_name)
def test_no_health_check_holds_a_thread_of_requests(
    serve_with: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """They need no token."""
    monkeypatch.setattr(health, "TIMEOUT", 3600.0)
    server = serve_with(workers=1, queue_size=1, upload_timeout=3600.0)
    ask: Any = server.channel.stream_stream(f"/grpc.health.v1.Health/{method}")
    silent = [ask(never()) for _ in range(server.app._pool._max_workers + health._THREADS)]
    until(lambda: len(server.app._checks) >= health._THREADS)
    assert server.stub.Encode(request(), timeout=LIMIT).quality == 80
    for call in silent:
        call.cancel()


def test_a_health_check_has_less_time_to_arrive_than_an_upload(
    serve_with: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "TIMEOUT", 0.2)
    server = serve_with(upload_timeout=3600.0)
    ask: Any = server.channel.stream_unary("/grpc.health.v1.Health/Check")
    error = ask.future(never()).exception(LIMIT)
    assert reason_of(error) == TOO_SLOW


@pytest.mark.parametrize(
    ("method", "timer"),
    [(f"{ENCODING}/Encode", "_uploads"), ("grpc.health.v1.Health/Check", "_checks")],
)
def test_only_so_many_calls_wait_for_a_thread(
    serve_with: Callable[..., Served], monkeypatch: pytest.MonkeyPatch, method: str, timer: str
) -> None:
    """Each takes memory, also once its caller has left."""
    server = serve_with(workers=1, queue_size=1)
    threads = server.app._pool._max_workers if timer == "_uploads" else health._THREADS
    call: Any = server.channel.stream_unary(f"/{method}")
    stalled = [call.future(never()) for _ in range(threads)]
    until(lambda: len(getattr(server.app, timer)) == threads)
    monkeypatch.setattr(executor, "MOST_WAITING", 3)
    waiting = [call.future(never()) for _ in range(3)]
    for _ in range(2):
        error = call.future(never()).exception(LIMIT)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error.details() == "too many calls wait for a thread: try again in 1.00 s"
        assert detail(error, error_details_pb2.RetryInfo) is not None
    assert server.metrics['autoquality_rejected_total{reason="QUEUE_FULL"}'] == 2
    for one in (*stalled, *waiting):
        one.cancel()
    until(lambda: not server.app._pool.is_full)
    server.stub.Encode(request(), timeout=LIMIT)


@pytest.mark.parametrize(("seconds", "reason"), [(0.5, "DEADLINE_EXCEEDED"), (200, "CANCELLED")])
def test_a_call_that_ends_during_its_upload_is_counted_by_the_reason(
    serve_with: Callable[..., Served], seconds: float, reason: str
) -> None:
    server = serve_with()
    server.stub.Encode(request())  # connected
    call = upload(server).future(never(), timeout=seconds)
    if reason == "CANCELLED":
        until(lambda: server.metrics["autoquality_uploads_in_flight"] == 1)
        call.cancel()
    until(lambda: server.metrics[f'autoquality_rejected_total{{reason="{reason}"}}'] == 1)


def test_a_message_that_is_too_large_is_counted_as_cancelled(
    serve_with: Callable[..., Served],
) -> None:
    """GRPC refuses it, and tells the caller why and the server nothing."""
    server = serve_with(max_image_bytes=1000, max_resolution=0.001)
    for _ in range(20):
        with pytest.raises(grpc.RpcError) as caught:
            server.stub.Encode(request(image=bytes(2**21)))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    until(lambda: server.metrics['autoquality_rejected_total{reason="CANCELLED"}'] == 20)


def test_a_slow_upload_within_the_time_is_served(serve_with: Callable[..., Served]) -> None:
    server = serve_with(upload_timeout=30.0)
    arrive = threading.Event()

    def late() -> Iterator[pb.EncodeRequest]:
        wait_for(arrive, within=GATE_LIMIT)
        yield request()

    call = upload(server).future(late())
    until(lambda: server.metrics["autoquality_uploads_in_flight"] == 1)
    arrive.set()
    assert call.result(LIMIT).quality == 80


def test_without_a_limit_an_upload_may_take_any_time(serve_with: Callable[..., Served]) -> None:
    server = serve_with(upload_timeout=0)
    stalled = upload(server).future(never())
    until(lambda: server.metrics["autoquality_uploads_in_flight"] == 1)
    for _ in range(20):
        assert server.stub.Encode(request()).quality == 80
    assert server.metrics["autoquality_uploads_in_flight"] == 1
    stalled.cancel()
    until(lambda: server.metrics["autoquality_uploads_in_flight"] == 0)
