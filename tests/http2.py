"""HTTP/2 by hand, for clients and servers that misbehave."""

from __future__ import annotations

import contextlib
import socket
import struct

from tests.waiting import LIMIT

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, GOAWAY = 0, 1, 4, 7
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE = 4
COMPRESSION_ERROR = 9

FORGED = '{"event": "forged", "level": "critical"}'
FORGERY = f"x\n{FORGED}\n\x1b[31mred\r\x1b]0;title\x07".encode()
"""Debug text that tries to add a line to a log, and to command a terminal."""


def frame(kind: int, payload: bytes, flags: int = 0, stream: int = 0) -> bytes:
    """A frame, of the connection where `stream` is 0."""
    head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
    return head + struct.pack(">I", stream) + payload


def goaway(text: bytes) -> bytes:
    """A frame that ends the connection as an error, for the reason `text`."""
    return frame(GOAWAY, struct.pack(">II", 0, COMPRESSION_ERROR) + text)


def read_until(connection: socket.socket, kind: int) -> None:
    """Read what a client sends, up to the first frame of this kind or the end."""
    with connection.makefile("rb") as stream:
        stream.read(len(PREFACE))
        while head := stream.read(9):
            stream.read(int.from_bytes(head[:3], "big"))
            if head[3] == kind:
                return


def leave_with(port: int, text: bytes) -> None:
    """Connect to a server on this machine, send a GOAWAY with `text`, wait for the end."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as client:
        client.sendall(PREFACE + frame(SETTINGS, b"") + goaway(text))
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while client.recv(4096):
                pass


def unary_call(stream: int, method: str, message: bytes, **metadata: str) -> bytes:
    """The frames of a call of `method`, "package.Service/Method"; \udcff stands for the byte ff."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/{method}",
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
        **{key.replace("_", "-"): value for key, value in metadata.items()},
    }
    block = b"".join(
        b"\x10"
        + b"".join(bytes([len(text)]) + text.encode(errors="surrogateescape") for text in field)
        for field in fields.items()
    )
    body = struct.pack(">BI", 0, len(message)) + message
    return frame(HEADERS, block, END_HEADERS, stream) + frame(DATA, body, END_STREAM, stream)


def room_for(size: int) -> bytes:
    """Settings that leave room for so many bytes of each answer."""
    return frame(SETTINGS, struct.pack(">HI", INITIAL_WINDOW_SIZE, size))
