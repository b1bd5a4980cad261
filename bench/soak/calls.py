"""One call through the real client, and what became of it."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from dataclasses import dataclass

from autoquality import AutoQualityError, Client
from autoquality._client import STREAM_ABOVE
from bench.soak.checks import wrong_with
from bench.soak.plan import EXPECTED, Call

# How a request over HTTP/2 begins: the preface, empty settings, and the head of
# a frame of headers that never come.
_BEGINNING = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5) + b"\0\x10\0\x01\x04"
)


@dataclass(frozen=True)
class Record:
    """How a call ended; `at` is when, in seconds on the monotonic clock."""

    name: str
    kind: str
    status: str
    at: float
    seconds: float
    wrong: str | None = None

    @property
    def ok(self) -> bool:
        return self.status == "OK"


def make(call: Call, address: str, client: Client) -> Record:
    """Make the call, by `client` where it needs no client of its own, and check the answer."""
    start = time.monotonic()
    if call.kind == "leave":
        status, wrong = _leave(address), None
    elif call.kind == "cancel":
        status, wrong = _cancelled(call, address)
    elif call.kind == "burst":
        # Without retries: a burst is to meet the bound.
        with Client(address, retries=0) as own:
            status, wrong = _answered(call, own)
    else:
        status, wrong = _answered(call, client)
    end = time.monotonic()
    if status not in EXPECTED[call.kind]:
        wrong = wrong or f"ended as {status}"
    if wrong is not None:
        wrong = f"{call.kind} {call.picture.name} {call.format} {call.wish}: {wrong}"
    return Record(call.name, call.kind, status, end, end - start, wrong)


def _answered(call: Call, client: Client) -> tuple[str, str | None]:
    """The status, and what is wrong with the answer or the error."""
    request_id = uuid.uuid4().hex
    try:
        if call.kind == "compare":
            assert call.picture.file is not None
            found = client.compare(
                call.picture.file, call.picture.file, timeout=call.patience, request_id=request_id
            )
            same = found.dssim == 0 and found.request_id == request_id
            return "OK", None if same else f"compared with itself: {found}"
        answer = client.encode(
            call.picture.source,
            format=call.format,
            auto_quality=call.wish,
            measure_dssim=call.measure,
            stream_above=0 if call.streamed else STREAM_ABOVE,
            timeout=call.patience,
            request_id=request_id,
        )
    except AutoQualityError as error:
        mixed = error.request_id not in (None, request_id)
        return error.code.name, f"the error is for {error.request_id}" if mixed else None
    except RuntimeError:  # what a closed client says to a call that comes after
        return "CANCELLED", None
    return "OK", wrong_with(call, answer, request_id)


def _cancelled(call: Call, address: str) -> tuple[str, str | None]:
    """Close the client in the middle of the call."""
    client = Client(address)
    closing = threading.Timer(call.stays, client.close)
    closing.start()
    try:
        return _answered(call, client)
    finally:
        closing.cancel()
        closing.join()
        client.close()


def _leave(address: str) -> str:
    """Begin a request and hang up."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(_BEGINNING)
    return "LEFT"
