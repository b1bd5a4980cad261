"""Unary answers that are not taken; of streams, see tests/stream/test_cancelling.py."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from autoquality import CancelledError, Client
from tests.http2 import PREFACE, room_for, unary_call
from tests.rpc.conftest import ENCODING, Served
from tests.rpc.lines import slow_line
from tests.rpc.scripted import request
from tests.waiting import LIMIT, in_background, until

REJECTED = 'autoquality_rejected_total{reason="DOWNLOAD_TIMEOUT"}'


def test_answers_without_a_reader_are_cut_off_and_counted_and_block_no_other_call(
    serve_with: Callable[..., Served],
) -> None:
    """There are more of them than threads, and the server drains at once while they are open."""
    server = serve_with(download_timeout=1.0, drain_timeout=100.0)
    calls = server.app._pool._max_workers + 5
    message = request(image=bytes(16_000)).SerializeToString()
    with socket.create_connection(("127.0.0.1", server.app.port), LIMIT) as client:
        client.sendall(PREFACE + room_for(0))
        for call in range(calls):
            client.sendall(unary_call(2 * call + 1, f"{ENCODING}/Encode", message))
        assert server.stub.Encode(request()).quality == 80
        until(lambda: server.metrics[REJECTED] == calls)
        until(lambda: not len(server.app._downloads))


SMALL_WINDOW = (("grpc.http2.bdp_probe", 0),)
"""Flow control stops the server. With a window that grows, a full socket may stop it first, which
only keepalive ends."""


@pytest.mark.parametrize("streamed", [False, True])
def test_our_client_does_not_ask_again_for_an_answer_that_was_too_slow(
    serve_with: Callable[..., Served], streamed: bool
) -> None:
    server, file = serve_with(download_timeout=0.5), bytes(8_000_000 if streamed else 1)
    with (
        slow_line(server.app.port, back=200_000) as (port, _, goes_on),
        Client(f"127.0.0.1:{port}", channel_options=SMALL_WINDOW) as client,
    ):
        above = 0 if streamed else None
        call = in_background(client.encode, file, background="large", stream_above=above)
        until(lambda: server.metrics[REJECTED] == 1)
        goes_on.set()
        with pytest.raises(CancelledError, match="read too slowly"):
            call.result(LIMIT)
    assert server.servicer.calls == 1


def test_an_answer_that_is_taken_is_no_longer_timed(serve_with: Callable[..., Served]) -> None:
    server = serve_with(download_timeout=60.0)
    assert server.stub.Encode(request(image=bytes(1_000_000))).quality == 80
    until(lambda: not len(server.app._downloads))
    assert server.metrics[REJECTED] == 0
