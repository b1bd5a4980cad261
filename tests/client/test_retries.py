"""What is tried again, how often, and what never."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

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
from autoquality._retry import RETRIES, _wait_after, retry_delay
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb
from autoquality.v1 import encoding_pb2_grpc as pb_grpc

UNAVAILABLE = Fault(grpc.StatusCode.UNAVAILABLE, "shutting down")
MEGABYTE = bytes(1_000_000)


def test_a_large_request_is_tried_again_when_the_server_is_unavailable(
    server: FakeServer,
) -> None:
    server.respond(UNAVAILABLE, UNAVAILABLE)
    with server.client() as client:
        client.encode(MEGABYTE)
    assert [len(call.message.image) for call in server.requests] == [len(MEGABYTE)] * 3
    assert len({call.metadata["x-request-id"] for call in server.requests}) == 1


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_what_a_leaving_server_says_is_tried_again_so_often_and_no_more(
    server: FakeServer, retries: int, code: grpc.StatusCode
) -> None:
    server.respond_always(Fault(code))
    with server.client(retries=retries) as client, pytest.raises(AutoQualityError) as raised:
        client.encode(b"photo")
    assert raised.value.code is code
    assert len(server.requests) == retries + 1


def test_a_call_that_loses_its_server_each_time_is_not_repeated_for_ever(
    server: FakeServer,
) -> None:
    """It may be what ends servers, however many retries its caller allows."""
    server.respond_always(UNAVAILABLE)
    with server.client(retries=8) as client, pytest.raises(UnavailableError):
        client.encode(b"photo")
    assert len(server.requests) == 4


def test_the_waits_of_an_overloaded_server_outlast_the_replacement_of_a_process() -> None:
    """A process takes up to 7 seconds to be replaced while the others are busy."""
    retry = RetryInfo(0.05)
    full = OverloadedError("full", code=grpc.StatusCode.RESOURCE_EXHAUSTED, details=[retry])
    assert sum(_wait_after(full, attempt) for attempt in range(RETRIES)) > 10


def test_no_server_asks_for_longer_waits_than_it_gets() -> None:
    retry = RetryInfo(30.0)
    full = OverloadedError("full", code=grpc.StatusCode.RESOURCE_EXHAUSTED, details=[retry])
    assert _wait_after(full, 0) == 30.0


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_server_that_is_away_for_seconds_is_waited_for(free_port: int) -> None:
    servicer = BreaksOff()  # type: ignore[abstract]  # the others stay as generated
    servicer.calls = 1
    with ThreadPoolExecutor() as pool, Client(f"127.0.0.1:{free_port}") as client:
        call = pool.submit(client.encode, b"photo")
        time.sleep(5)
        server = grpc.server(pool)
        pb_grpc.add_EncodingServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
        server.add_insecure_port(f"127.0.0.1:{free_port}")
        server.start()
        assert call.result().quality == 80
        server.stop(None).wait()


@pytest.mark.parametrize("timeout", [1.0, None])
def test_a_server_that_stays_away_is_reported_as_unavailable(
    free_port: int, monkeypatch: pytest.MonkeyPatch, timeout: float | None
) -> None:
    monkeypatch.setattr(_retry, "_LONGEST_OUTAGE", 1.0)
    address = f"127.0.0.1:{free_port}"
    with Client(address, timeout=timeout) as client, pytest.raises(UnavailableError):
        client.encode(b"photo")


def test_closing_the_client_ends_the_wait_for_a_connection(free_port: int) -> None:
    with ThreadPoolExecutor() as pool:
        client = Client(f"127.0.0.1:{free_port}", timeout=None)
        call = pool.submit(client.encode, b"photo")
        time.sleep(1)
        client.close()
        with pytest.raises((CancelledError, RuntimeError)):
            call.result(5)


class BreaksOff(pb_grpc.EncodingServiceServicer):
    """Begins its first answer and never ends it."""

    def __init__(self) -> None:
        self.calls = 0

    def Encode(  # noqa: N802
        self, request: pb.EncodeRequest, context: grpc.ServicerContext
    ) -> pb.EncodeResponse:
        self.calls += 1
        if self.calls == 1:
            context.send_initial_metadata(())
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        return pb.EncodeResponse(quality=80, image=b"image")


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    """GRPC's own retry policy ends where an answer begins."""
    servicer = BreaksOff()  # type: ignore[abstract]  # the others stay as generated
    with ThreadPoolExecutor() as pool:
        server = grpc.server(pool)
        pb_grpc.add_EncodingServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with Client(f"127.0.0.1:{port}") as client:
            assert client.encode(b"photo").quality == 80
        server.stop(None).wait()
    assert servicer.calls == 2


def test_overload_is_tried_again_when_the_server_says_when(server: FakeServer) -> None:
    server.respond(Fault.overloaded(0.01), Fault.overloaded(0.01))
    with server.client() as client:
        client.encode(b"photo")
    assert len(server.requests) == 3
    assert len({call.metadata["x-request-id"] for call in server.requests}) == 1


@pytest.mark.parametrize("retries", [0, 2])
def test_overload_is_tried_again_so_often_and_no_more(server: FakeServer, retries: int) -> None:
    server.respond_always(Fault.overloaded(0.01))
    with server.client(retries=retries) as client, pytest.raises(OverloadedError):
        client.encode(b"photo")
    assert len(server.requests) == retries + 1


def test_exhaustion_without_retry_info_is_never_tried_again(server: FakeServer) -> None:
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
def test_no_other_status_is_tried_again(server: FakeServer, code: grpc.StatusCode) -> None:
    server.respond_always(Fault(code))
    with server.client() as client, pytest.raises(AutoQualityError):
        client.encode(b"photo")
    assert len(server.requests) == 1


@pytest.mark.parametrize("pushback", ["-1", "soon", "1.5", ""])
def test_a_pushback_that_is_no_time_forbids_another_attempt(
    server: FakeServer, pushback: str
) -> None:
    full = Fault.overloaded(0.01)
    metadata = [("grpc-retry-pushback-ms", pushback)]
    server.respond_always(Fault(full.code, full.message, full.details, metadata))
    with server.client() as client, pytest.raises(OverloadedError):
        client.encode(b"photo")
    assert len(server.requests) == 1


def test_a_server_that_says_come_back_after_the_deadline_is_not_waited_for(
    server: FakeServer,
) -> None:
    server.respond_always(Fault.overloaded(3600))
    with server.client() as client, pytest.raises(OverloadedError) as raised:
        client.encode(b"photo", timeout=60)
    assert raised.value.retry_after == 3600
    assert len(server.requests) == 1


def test_every_attempt_has_only_what_is_left_of_the_deadline(server: FakeServer) -> None:
    server.respond(Fault.overloaded(0.6), Fault.overloaded(0.6))
    with server.client() as client:
        # On its way a deadline is rounded by up to three in a hundred.
        client.encode(b"photo", timeout=6)
    timeouts = [call.timeout or 0 for call in server.requests]
    assert 7 > timeouts[0] > timeouts[1] > timeouts[2] > 0


def test_closing_the_client_ends_the_wait_for_the_next_attempt(server: FakeServer) -> None:
    refused = threading.Event()

    def refuse(_request: object) -> Fault:
        refused.set()
        return Fault.overloaded(3600)

    server.respond_always(refuse)
    with ThreadPoolExecutor() as pool:
        client = server.client(timeout=None)
        call = pool.submit(client.encode, b"photo")
        assert refused.wait(30)
        client.close()
        with pytest.raises(CancelledError):
            call.result(30)
    assert len(server.requests) == 1


@given(st.floats(0, 1e6), st.none() | st.integers(0, 10**9))
def test_the_wait_is_never_shorter_than_asked_for_and_a_quarter_longer_at_most(
    retry_after: float, pushback: int | None
) -> None:
    asked = max(retry_after, (pushback or 0) / 1000)
    delay = retry_delay(retry_after, None if pushback is None else str(pushback))
    assert delay is not None
    assert asked <= delay <= 1.25 * asked + 0.0501
