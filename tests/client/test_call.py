"""Calls that end early: by a deadline, by closing the client, by Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack

import grpc
import pytest

from autoquality import CancelledError, Client, DeadlineExceededError
from autoquality.testing import FakeServer, Received
from tests.waiting import in_background, until


def first_request(server: FakeServer) -> Received:
    """Wait for the first call."""
    until(lambda: server.requests, reason="a call")
    return server.requests[0]


def test_the_timeout_ends_the_call_in_the_client_and_in_the_server(server: FakeServer) -> None:
    server.delay = 3600
    with server.client() as client, pytest.raises(DeadlineExceededError) as raised:
        client.encode(b"photo", timeout=0.5)
    assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert server.requests[0].ended.wait(30)


def test_the_client_s_timeout_is_the_default_of_a_call(server: FakeServer) -> None:
    with server.client(timeout=1000) as client:
        client.encode(b"photo")
        client.encode(b"photo", timeout=10)
        client.encode(b"photo", timeout=None)
    first, second, third = (call.timeout for call in server.requests)
    assert first is not None
    assert second is not None
    # gRPC rounds a deadline up to two or three digits.
    assert 100 < first < 1100
    assert 0 < second < 11
    assert third is None


def test_a_client_has_a_timeout_of_a_minute_by_default(server: FakeServer, client: Client) -> None:
    client.encode(b"photo")
    assert 50 < (server.requests[0].timeout or 0) < 66


def test_a_timeout_of_0_fails_at_once(server: FakeServer, client: Client) -> None:
    server.delay = 3600
    with pytest.raises(DeadlineExceededError):
        client.encode(b"photo", timeout=0)


def test_closing_the_client_cancels_its_calls_in_the_client_and_in_the_server(
    server: FakeServer,
) -> None:
    server.delay = 3600
    client = server.client(timeout=None)
    call = in_background(client.encode, b"photo")
    received = first_request(server)
    client.close()
    with pytest.raises(CancelledError, match="the client was closed"):
        call.result(30)
    assert received.ended.wait(30)


def test_a_closed_client_makes_no_calls_and_can_be_closed_again(server: FakeServer) -> None:
    with server.client() as client:
        pass
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.encode(b"photo")


def test_ctrl_c_cancels_the_call_on_the_server(server: FakeServer) -> None:
    server.delay = 3600
    code = f"""
from autoquality import Client
client = Client({server.target!r}, timeout=None, channel_options=[("grpc.enable_http_proxy", 0)])
try:
    client.encode(b"photo")
except KeyboardInterrupt:
    print("interrupted", flush=True)
    input()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, ExitStack() as end:
        end.callback(process.kill)  # a failed test must not wait for it
        received = first_request(server)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "interrupted\n"
        # The program still runs, and its client is open: only the call was cancelled.
        assert received.ended.wait(30)
        process.communicate("\n", timeout=30)
    assert process.returncode == 0
