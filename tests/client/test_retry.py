"""Which calls are retried, how often, and when."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoquality import (
    AutoQualityError,
    CancelledError,
    Client,
    ErrorInfo,
    OverloadedError,
    ResourceExhaustedError,
    RetryInfo,
    UnavailableError,
    _retry,
)
from autoquality._retry import RETRIES, Backoff, delay_after, retry_delay
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1 import encoding_pb2_grpc as pb_grpc
from tests.waiting import in_background, wait_for

UNAVAILABLE = Fault(grpc.StatusCode.UNAVAILABLE, "shutting down")
MEGABYTE = bytes(1_000_000)


def test_a_large_request_is_retried_if_the_server_is_unavailable(
    server: FakeServer,
) -> None:
    server.respond(UNAVAILABLE, UNAVAILABLE)
    with server.client() as client:
        client.encode(MEGABYTE)
    assert [len(call.message.image) for call in server.requests] == [len(MEGABYTE)] * 3
    assert len({call.metadata["x-request-id"] for call in server.requests}) == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
@pytest.mark.parametrize("retries", [0, 1])
def test_the_statuses_of_a_server_that_shuts_down_are_retried_this_often(
    server: FakeServer, retries: int, code: grpc.StatusCode
) -> None:
    server.respond_always(Fault(code))
    with server.client(retries=retries) as client, pytest.raises(AutoQualityError) as raised:
        client.encode(b"photo")
    assert raised.value.code is code
    assert len(server.requests) == retries + 1


def test_a_call_that_loses_its_server_each_time_is_retried_3_times(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call may crash servers, so more retries are not used."""
    monkeypatch.setattr(_retry, "_FIRST_DELAY", 0.01)
    server.respond_always(UNAVAILABLE)
    with server.client(retries=8) as client, pytest.raises(UnavailableError):
        client.encode(b"photo")
    assert len(server.requests) == 4


@pytest.mark.parametrize(("reason", "retries"), [("CONNECTION_REFUSED", 8), ("CONNECTION_LOST", 3)])
def test_an_attempt_that_was_not_sent_cannot_have_crashed_the_server(
    reason: str, retries: int
) -> None:
    detail = ErrorInfo(reason, domain="autoquality.client")
    error = UnavailableError("gone", code=grpc.StatusCode.UNAVAILABLE, details=[detail])
    backoff = Backoff(8, None)
    for _ in range(retries):
        backoff.next_delay(error)
    with pytest.raises(UnavailableError):
        backoff.next_delay(error)


def test_the_delays_of_an_overloaded_server_outlast_the_replacement_of_a_process() -> None:
    """The replacement takes up to 7 seconds. Meanwhile, all processes are busy."""
    retry = RetryInfo(0.05)
    full = OverloadedError("full", code=grpc.StatusCode.RESOURCE_EXHAUSTED, details=[retry])
    assert sum(delay_after(full, attempt) for attempt in range(RETRIES)) > 10


def test_the_delays_grow_to_4_seconds() -> None:
    lost = UnavailableError("gone", code=grpc.StatusCode.UNAVAILABLE)
    delays = [delay_after(lost, attempt) for attempt in range(6)]
    assert delays == [0.25, 0.75, 2.25, 4, 4, 4]


def test_a_retry_waits_10_seconds_for_a_connection_but_not_beyond_the_deadline() -> None:
    assert Backoff(1, None).outage_left == Backoff(1, 60).outage_left == 10
    assert Backoff(1, 5).outage_left <= 5


def test_a_delay_is_never_shorter_than_the_retry_hint() -> None:
    retry = RetryInfo(30.0)
    full = OverloadedError("full", code=grpc.StatusCode.RESOURCE_EXHAUSTED, details=[retry])
    assert delay_after(full, 0) == 30.0


class BreaksOff(pb_grpc.EncodingServiceServicer):
    """Aborts its first answer after it has begun, unless that call is already over."""

    def __init__(self, calls: int = 0) -> None:
        self.calls = calls

    def Encode(  # noqa: N802
        self, request: pb.EncodeRequest, context: grpc.ServicerContext
    ) -> pb.EncodeResponse:
        self.calls += 1
        if self.calls == 1:
            context.send_initial_metadata(())
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        return pb.EncodeResponse(quality=80, image=b"image")


@contextmanager
def serving_at(servicer: BreaksOff, port: int = 0) -> Iterator[str]:
    """Serve until the end of the body, and yield the address."""
    server = grpc.server(ThreadPoolExecutor(4))
    pb_grpc.add_EncodingServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait(30)


def test_an_answer_that_breaks_off_is_retried() -> None:
    """The retry policy of gRPC gives up once an answer has begun."""
    servicer = BreaksOff()  # type: ignore[abstract]  # the other methods are not implemented
    with serving_at(servicer) as address, Client(address) as client:
        assert client.encode(b"photo").quality == 80
    assert servicer.calls == 2


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port that refuses connections and that no other program gets, but a gRPC server may."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


def test_a_call_waits_for_a_server_that_is_away_for_seconds(free_port: int) -> None:
    servicer = BreaksOff(calls=1)  # type: ignore[abstract]  # as above
    with Client(f"127.0.0.1:{free_port}") as client:
        call = in_background(client.encode, b"photo")
        time.sleep(3)  # gRPC tries again after 4 to 6 seconds at the latest
        with serving_at(servicer, free_port):
            assert call.result(60).quality == 80


@pytest.mark.parametrize("timeout", [1.0, None])
def test_a_server_that_stays_away_is_reported_as_unavailable(
    free_port: int, monkeypatch: pytest.MonkeyPatch, timeout: float | None
) -> None:
    monkeypatch.setattr(_retry, "_MAX_OUTAGE", 1.0)
    address = f"127.0.0.1:{free_port}"
    with Client(address, timeout=timeout) as client, pytest.raises(UnavailableError):
        client.encode(b"photo")


def test_closing_the_client_ends_the_wait_for_a_connection(free_port: int) -> None:
    client = Client(f"127.0.0.1:{free_port}", timeout=None)
    call = in_background(client.encode, b"photo")
    time.sleep(0.5)
    client.close()
    with pytest.raises((CancelledError, RuntimeError)):
        call.result(5)


def test_closing_the_client_soon_after_a_retry_leaves_no_thread_that_fails(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception of any thread fails the test."""
    monkeypatch.setattr(_retry, "_FIRST_DELAY", 0.01)
    for _ in range(10):
        server.respond(*[UNAVAILABLE] * 8)
        with server.client() as client, ThreadPoolExecutor(8) as threads:
            list(threads.map(client.encode, [b"photo"] * 8))


def test_overload_with_a_retry_hint_is_retried(server: FakeServer) -> None:
    server.respond(Fault.overloaded(0.01), Fault.overloaded(0.01))
    with server.client() as client:
        client.encode(b"photo")
    assert len(server.requests) == 3
    assert len({call.metadata["x-request-id"] for call in server.requests}) == 1


@pytest.mark.parametrize("retries", [0, 2])
def test_overload_is_retried_this_often(server: FakeServer, retries: int) -> None:
    server.respond_always(Fault.overloaded(0.01))
    with server.client(retries=retries) as client, pytest.raises(OverloadedError):
        client.encode(b"photo")
    assert len(server.requests) == retries + 1


def test_exhaustion_without_a_retry_hint_is_not_retried(server: FakeServer) -> None:
    fault = Fault(grpc.StatusCode.RESOURCE_EXHAUSTED, "no memory", (ErrorInfo("OUT_OF_MEMORY"),))
    server.respond_always(fault)
    with server.client() as client, pytest.raises(ResourceExhaustedError):
        client.encode(b"photo")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "code",
    [
        *(grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.ABORTED),
        *(grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
)
def test_no_other_status_is_retried(server: FakeServer, code: grpc.StatusCode) -> None:
    server.respond_always(Fault(code))
    with server.client() as client, pytest.raises(AutoQualityError):
        client.encode(b"photo")
    assert len(server.requests) == 1


@pytest.mark.parametrize("pushback", ["-1", "soon", "1.5", ""])
def test_an_invalid_pushback_forbids_a_retry(server: FakeServer, pushback: str) -> None:
    full = Fault.overloaded(0.01)
    metadata = [("grpc-retry-pushback-ms", pushback)]
    server.respond_always(Fault(full.code, full.message, full.details, metadata))
    with server.client() as client, pytest.raises(OverloadedError):
        client.encode(b"photo")
    assert len(server.requests) == 1


def test_a_retry_hint_beyond_the_deadline_ends_the_call(
    server: FakeServer,
) -> None:
    server.respond_always(Fault.overloaded(3600))
    with server.client() as client, pytest.raises(OverloadedError) as raised:
        client.encode(b"photo", timeout=60)
    assert raised.value.retry_after == 3600
    assert len(server.requests) == 1


def test_every_attempt_gets_the_rest_of_the_timeout(server: FakeServer) -> None:
    server.respond(Fault.overloaded(0.6), Fault.overloaded(0.6))
    with server.client() as client:
        # gRPC rounds a deadline by up to 3 %.
        client.encode(b"photo", timeout=6)
    timeouts = [call.timeout or 0 for call in server.requests]
    assert 7 > timeouts[0] > timeouts[1] > timeouts[2] > 0


def test_closing_the_client_ends_the_wait_for_the_next_attempt(server: FakeServer) -> None:
    refused = threading.Event()

    def refuse(_request: object) -> Fault:
        refused.set()
        return Fault.overloaded(3600)

    server.respond_always(refuse)
    client = server.client(timeout=None)
    call = in_background(client.encode, b"photo")
    wait_for(refused, "a refused call")
    client.close()
    with pytest.raises(CancelledError):
        call.result(30)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("end", "delay"), [(min, 2.0), (max, 2.55)])
def test_a_pushback_is_in_milliseconds_and_jitter_adds_up_to_a_quarter(
    monkeypatch: pytest.MonkeyPatch, end: Callable[..., float], delay: float
) -> None:
    monkeypatch.setattr(random, "uniform", end)
    assert retry_delay(0.5, "2000") == pytest.approx(delay)


@given(st.floats(0, 1e6), st.none() | st.integers(0, 10**9))
def test_jitter_adds_at_most_a_quarter_to_the_delay(
    retry_after: float, pushback: int | None
) -> None:
    least = max(retry_after, (pushback or 0) / 1000)
    delay = retry_delay(retry_after, None if pushback is None else str(pushback))
    assert delay is not None
    assert least <= delay <= 1.25 * least + 0.0501
