"""Unary answers that are not taken; of streams, see tests/stream/test_cancelling.py."""

from __future__ import annotations

import socket
from collections.abc import Callable

from tests.http2 import PREFACE, room_for, unary_call
from tests.shell.conftest import ENCODING, Served, until
from tests.shell.scripted import request

REJECTED = 'autoquality_rejected_total{reason="DOWNLOAD_TIMEOUT"}'


def test_answers_that_nobody_takes_are_cut_off_and_counted_and_hold_up_nobody(
    serve_with: Callable[..., Served],
) -> None:
    """There are more of them than threads, and the server drains at once while they are open."""
    server = serve_with(download_timeout=1.0, drain_timeout=100.0)
    calls = server.app._pool._max_workers + 5
    message = request(image=bytes(16_000)).SerializeToString()
    with socket.create_connection(("127.0.0.1", server.app.port)) as client:
        client.sendall(PREFACE + room_for(0))
        for call in range(calls):
            client.sendall(unary_call(2 * call + 1, f"{ENCODING}/Encode", message))
        assert server.stub.Encode(request()).quality == 80
        until(lambda: server.metrics[REJECTED] == calls)
        until(lambda: not len(server.app._downloads))


def test_an_answer_that_is_taken_is_no_longer_timed(serve_with: Callable[..., Served]) -> None:
    server = serve_with(download_timeout=60.0)
    assert server.stub.Encode(request(image=bytes(1_000_000))).quality == 80
    until(lambda: not len(server.app._downloads))
    assert server.metrics[REJECTED] == 0
