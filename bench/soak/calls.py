"""One call through the client, and the check of its answer."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from dataclasses import dataclass

from autoquality import AutoQualityError, Client, Encoded
from autoquality._base_client import STREAM_ABOVE
from bench.accuracy import independent_dssim
from bench.answers import fault
from bench.soak.pictures import SMALL
from bench.soak.plan import EXPECTED, Call

TOLERANCE = 2e-4
"""The greatest difference to the independent DSSIM: the service samples large images."""

ALPHA_TOLERANCE = 1e-3
"""The same with alpha: compositing over a background rounds differently."""

# The start of an HTTP/2 request: the preface, empty settings, and the head of a frame of headers.
_BEGINNING = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5) + b"\0\x10\0\x01\x04"
)


@dataclass(frozen=True)
class Record:
    """The result of a call that ended `at` a time, in seconds on the monotonic clock."""

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
    """Make the call and check the answer. Some kinds use another client than `client`."""
    start = time.monotonic()
    if call.kind == "leave":
        status, wrong = _leave(address), None
    elif call.kind == "cancel":
        status, wrong = _cancelled(call, address)
    elif call.kind == "burst":
        # Without retries, so that a burst overflows the queue.
        with Client(address, retries=0) as own:
            status, wrong = _answered(call, own)
    else:
        status, wrong = _answered(call, client)
    end = time.monotonic()
    if status not in EXPECTED[call.kind]:
        wrong = wrong or f"ended as {status}"
    if wrong is not None:
        wrong = f"{call.kind} {call.picture.name} {call.format} {call.target}: {wrong}"
    return Record(call.name, call.kind, status, end, end - start, wrong)


def _answered(call: Call, client: Client) -> tuple[str, str | None]:
    """The status, and what is wrong with the answer or the error."""
    request_id = uuid.uuid4().hex
    try:
        if call.kind == "compare":
            assert call.picture.file is not None
            found = client.compare(
                call.picture.file, call.picture.file, timeout=call.timeout, request_id=request_id
            )
            same = found.dssim == 0 and found.request_id == request_id
            return "OK", None if same else f"compared with itself: {found}"
        answer = client.encode(
            call.picture.source,
            format=call.format,
            auto_quality=call.target,
            measure_dssim=call.measure,
            stream_above=0 if call.streamed else STREAM_ABOVE,
            timeout=call.timeout,
            request_id=request_id,
        )
    except AutoQualityError as error:
        status = error.code.name
        if error.request_id not in (None, request_id):
            return status, f"the error is for {error.request_id}"
        return status, None if status in EXPECTED[call.kind] else f"ended as {status}: {error}"
    except RuntimeError:  # the client is closed
        return "CANCELLED", None
    return "OK", wrong_with(call, answer, request_id)


def _cancelled(call: Call, address: str) -> tuple[str, str | None]:
    """Close the client during the call."""
    client = Client(address)
    closing = threading.Timer(call.close_after, client.close)
    closing.start()
    try:
        return _answered(call, client)
    finally:
        closing.cancel()
        closing.join()
        client.close()


def _leave(address: str) -> str:
    """Start a request and close the connection."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(_BEGINNING)
    return "LEFT"


def wrong_with(call: Call, answer: Encoded, request_id: str) -> str | None:
    """What is wrong with an answer; None if nothing is."""
    if answer.request_id != request_id:
        return f"the answer to {request_id} is for {answer.request_id}"
    return fault(answer, call.format) or _dssim_fault(call, answer)


def _dssim_fault(call: Call, answer: Encoded) -> str | None:
    """Measure the result of a small still again, for some calls."""
    source = call.picture.file
    if not call.check_dssim or answer.dssim is None or source is None:
        return None
    if call.picture.megapixels > SMALL or call.picture.name.endswith(".gif"):
        return None
    tolerance = ALPHA_TOLERANCE if "alpha" in call.picture.name else TOLERANCE
    found = independent_dssim(source, answer.image)
    if found is None or abs(found - answer.dssim) <= tolerance:
        return None
    return f"claims a DSSIM of {answer.dssim:.5f}, but the independent one is {found:.5f}"
