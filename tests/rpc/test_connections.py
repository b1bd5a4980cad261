"""Connections that misbehave below gRPC: raw sockets, HTTP/2 by hand (RFC 9113)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
import trustme

from autoquality.v1 import encoding_pb2 as pb
from tests.authorities import TlsFiles
from tests.rpc.conftest import Served
from tests.rpc.scripted import request
from tests.rpc.test_cycles import without_collector
from tests.waiting import LIMIT

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY = 4, 6, 7
HEADER_TABLE_SIZE = 1
ENHANCE_YOUR_CALM = 11


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A frame of the whole connection, without flags."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, 0]) + bytes(4) + payload


def frames(connection: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Kind and payload of the frames that the server sends, until the connection ends."""
    with connection.makefile("rb") as stream:
        while len(header := stream.read(9)) == 9:
            yield header[3], stream.read(int.from_bytes(header[:3]))


def test_a_client_that_pings_too_often_is_sent_away(serve_with: Callable[..., Served]) -> None:
    server = serve_with()
    with socket.create_connection(("127.0.0.1", server.app.port), LIMIT) as connection:
        connection.sendall(PREFACE + frame(SETTINGS) + 8 * frame(PING, bytes(8)))
        reason = next(payload for kind, payload in frames(connection) if kind == GOAWAY)
    assert int.from_bytes(reason[4:8]) == ENHANCE_YOUR_CALM
    assert b"too_many_pings" in reason
    assert server.stub.Encode(request()).quality == 80


def test_no_call_refers_to_headers_of_other_calls_of_its_connection(
    serve_with: Callable[..., Served],
) -> None:
    """A proxy shares it among callers, and gRPC remembers a header that it cannot read."""
    with socket.create_connection(("127.0.0.1", serve_with().app.port), LIMIT) as connection:
        connection.sendall(PREFACE + frame(SETTINGS))
        payload = next(payload for kind, payload in frames(connection) if kind == SETTINGS)
    assert dict(struct.iter_unpack(">HI", payload))[HEADER_TABLE_SIZE] == 0


@pytest.mark.parametrize("secured", [True, False])
def test_whoever_connects_and_says_nothing_is_hung_up_on(
    serve_with: Callable[..., Served], tmp_path: Path, secured: bool
) -> None:
    files = TlsFiles.of(tmp_path, trustme.CA())
    server = serve_with(upload_timeout=0.2, **(files.settings if secured else {}))
    with socket.create_connection(("127.0.0.1", server.app.port), LIMIT) as connection:
        while connection.recv(4096):
            pass


@pytest.mark.parametrize("how", ["", "field", "overloaded", "abort"])
def test_a_connection_takes_calls_without_a_garbage_collection(
    serve_with: Callable[..., Served], how: str
) -> None:
    """GRPC allows some calls at a time, and counts a call until all of its objects are freed."""
    server = serve_with()
    with without_collector():
        for _ in range(200):
            if how:
                with pytest.raises(grpc.RpcError) as caught:
                    server.stub.Encode(request(how))
                assert caught.value.code() is not grpc.StatusCode.UNAVAILABLE
            else:
                server.stub.Encode(request())


def test_a_connection_takes_streams_without_a_garbage_collection(
    serve_with: Callable[..., Served],
) -> None:
    """Streams end in the same way."""
    server = serve_with()
    with without_collector():
        for _ in range(200):
            assert len(list(server.stub.EncodeStream(iter([pb.EncodeStreamRequest()])))) == 2
