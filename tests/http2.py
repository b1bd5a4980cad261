"""HTTP/2 by hand, for clients and servers that do what no library does."""

from __future__ import annotations

import contextlib
import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, GOAWAY = 4, 7
COMPRESSION_ERROR = 9

FORGED = '{"event": "forged", "level": "critical"}'
FORGERY = f"x\n{FORGED}\n\x1b[31mred\r\x1b]0;title\x07".encode()
"""Debug text that tries to add a line to a log, and to command a terminal."""


def frame(kind: int, payload: bytes) -> bytes:
    """A frame of the connection, without flags."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, 0]) + bytes(4) + payload


def goaway(text: bytes) -> bytes:
    """A frame that ends the connection as an error, for the reason `text`."""
    return frame(GOAWAY, struct.pack(">II", 0, COMPRESSION_ERROR) + text)


def leave_with(port: int, text: bytes) -> None:
    """Connect to a server on this machine, send a GOAWAY with `text`, wait for the end."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(PREFACE + frame(SETTINGS, b"") + goaway(text))
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while client.recv(4096):
                pass
