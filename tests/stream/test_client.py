"""The client's side of streams: what it sends, tells and tries again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from autoquality import (
    CancelledError,
    Client,
    Encoded,
    InternalError,
    InvalidRequestError,
    OverloadedError,
    Progress,
    RawImage,
    Stage,
    UnavailableError,
    UnimplementedError,
)
from autoquality.testing import FakeServer, Fault
from autoquality.v1 import encoding_pb2 as pb
from tests.photos import photo, photo_path
from tests.shell.conftest import ROOT
from tests.stream.serving import Serving

UNAVAILABLE = Fault(grpc.StatusCode.UNAVAILABLE, "shutting down")
LARGE = bytes(range(256)) * 13_000
"""More than three chunks, and a bit."""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with server.client() as client:
        yield client


def result_of(events: Iterator[Progress | Encoded]) -> Encoded:
    last = list(events)[-1]
    assert isinstance(last, Encoded)
    return last


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "memoryview", "path", "pipe"])
def test_a_source_of_any_kind_arrives_whole(
    server: FakeServer, client: Client, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "image"
    if kind == "pipe":
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(LARGE,)).start()
    else:
        path.write_bytes(LARGE)
    image = {"bytes": LARGE, "bytearray": bytearray(LARGE), "memoryview": memoryview(LARGE)}
    encoded = result_of(client.encode_stream(image.get(kind, path), format="webp", quality=70))
    (call,) = server.requests
    assert call.rpc == "EncodeStream"
    assert call.message == pb.EncodeRequest(
        image=LARGE, format="FORMAT_WEBP", quality=70, auto_quality={"method": "METHOD_NONE"}
    )
    assert encoded.size_bytes == len(encoded.image) > 0


def test_bare_pixels_arrive_whole(server: FakeServer, client: Client) -> None:
    pixels = bytes(1200 * 1000 * 3)
    raw = RawImage(width=1200, height=1000, bands=3, pixels=pixels)
    assert result_of(client.encode_stream(raw, format="webp")).width == 1200
    assert server.requests[0].message.raw == pb.RawImage(
        width=1200, height=1000, bands=3, pixels=pixels
    )


def test_a_streamed_result_is_that_of_encode(usual: Serving) -> None:
    wish = {"format": "jpeg", "method": "dssim", "target": 0.01, "allowed_error": 0.0005}
    with Client(f"127.0.0.1:{usual.app.port}") as client:
        told: list[Progress] = []
        streamed = client.encode(photo("rocket.jpg"), progress=told.append, **wish)  # type: ignore[arg-type]
        events = list(client.encode_stream(photo_path("rocket.jpg"), **wish))  # type: ignore[arg-type]
        whole = client.encode(photo_path("rocket.jpg"), **wish)  # type: ignore[arg-type]
    last = events[-1]
    assert isinstance(last, Encoded)
    assert streamed.image == last.image == whole.image
    assert streamed.outcome == whole.outcome and streamed.dssim == whole.dssim
    assert [one.stage for one in told if one.stage is not Stage.PROBED] == [
        Stage.ACCEPTED,
        Stage.RECEIVED,
        Stage.QUEUED,
        Stage.STARTED,
    ]
    assert tuple(one.probe for one in told if one.stage is Stage.PROBED) == streamed.probes
    assert streamed.request_id != last.request_id
    assert streamed.message.size_bytes == len(streamed.image) and not streamed.message.image


def test_the_example_in_the_documents_works(usual: Serving, tmp_path: Path) -> None:
    page = (ROOT / "docs/streaming.md").read_text()
    (code,) = re.findall(r"<!-- stream:begin -->\n```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    code = code.replace("localhost:50051", f"127.0.0.1:{usual.app.port}")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("tried ")
    assert (tmp_path / "example.webp").read_bytes().startswith(b"RIFF")


def test_only_what_is_large_is_streamed_by_itself(server: FakeServer, client: Client) -> None:
    client.encode(LARGE)
    client.encode(LARGE, stream_above=len(LARGE))
    client.encode(LARGE, stream_above=len(LARGE) - 1)
    client.encode(bytes(32 * 2**20 + 1))
    client.encode(bytes(32 * 2**20 + 1), stream_above=None)
    assert [call.rpc for call in server.requests] == [
        *("Encode", "Encode", "EncodeStream", "EncodeStream", "Encode")
    ]


def test_an_attempt_that_fails_is_made_anew_with_the_whole_source(
    server: FakeServer, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "image"
    path.write_bytes(LARGE)
    server.respond(UNAVAILABLE, Fault.overloaded(0.01), rpc="EncodeStream")
    told: list[Progress] = []
    assert client.encode(path, progress=told.append).request_id
    assert [len(call.message.image) for call in server.requests] == [len(LARGE)] * 3
    assert len({call.metadata["x-request-id"] for call in server.requests}) == 1
    assert [one.stage for one in told].count(Stage.ACCEPTED) == 3


def test_it_is_tried_again_so_often_and_no_more(server: FakeServer) -> None:
    for fault, error in ((UNAVAILABLE, UnavailableError), (Fault.overloaded(0), OverloadedError)):
        server.respond_always(fault, rpc="EncodeStream")
        with server.client(retries=1) as client, pytest.raises(error):
            list(client.encode_stream(b"photo"))
    assert len(server.requests) == 4


def test_what_is_wrong_is_not_tried_again(server: FakeServer, client: Client) -> None:
    server.respond_always(Fault.invalid("image", "is none"), rpc="EncodeStream")
    with pytest.raises(InvalidRequestError) as caught:
        list(client.encode_stream(b"photo"))
    assert caught.value.field_violations[0].field == "image"
    assert len(server.requests) == 1


def test_a_result_that_is_not_as_long_as_it_should_be_is_none(
    server: FakeServer, client: Client
) -> None:
    server.respond(pb.EncodeResponse(image=b"12345", size_bytes=6), rpc="EncodeStream")
    with pytest.raises(InternalError, match="incomplete"):
        list(client.encode_stream(b"photo"))


def test_a_file_that_cannot_be_read_says_so_at_once_or_when_it_goes_wrong(
    client: Client, usual: Serving, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        client.encode_stream(tmp_path / "nothing")
    path = tmp_path / "gone"
    path.write_bytes(LARGE)
    with Client(f"127.0.0.1:{usual.app.port}", retries=0) as real:
        events = real.encode_stream(path)
        path.unlink()
        with pytest.raises(FileNotFoundError):
            list(events)


def test_a_file_that_changes_while_it_is_sent_is_refused(usual: Serving, tmp_path: Path) -> None:
    path = tmp_path / "grows"
    path.write_bytes(photo("rocket.jpg"))
    with Client(f"127.0.0.1:{usual.app.port}", retries=0) as client:
        events = client.encode_stream(path)
        path.write_bytes(photo("rocket.jpg") + b"more")
        with pytest.raises(InvalidRequestError, match="exceeds the announced 112525 bytes"):
            list(events)


def test_an_iteration_that_ends_early_cancels_the_call(server: FakeServer, client: Client) -> None:
    server.delay = 100.0
    events = client.encode_stream(b"photo")
    assert isinstance(next(events), Progress)
    while not server.requests:
        pass
    events.close()
    assert server.requests[0].ended.wait(100)


def test_closing_the_client_ends_the_call(server: FakeServer) -> None:
    server.delay = 100.0
    with server.client() as client:
        events = client.encode_stream(b"photo")
        next(events)
        client.close()
        with pytest.raises(CancelledError):
            list(events)


def test_names_and_options_are_looked_at_before_anything_is_sent(
    server: FakeServer, client: Client
) -> None:
    with pytest.raises(ValueError, match="format must be one of"):
        client.encode_stream(b"photo", format="gif")
    with pytest.raises(ValueError, match="printable ASCII"):
        client.encode_stream(b"photo", request_id="\n")
    assert server.requests == ()


def test_a_view_with_gaps_arrives_whole(server: FakeServer, client: Client) -> None:
    doubled = bytes(byte for one in LARGE for byte in (one, 0))
    client.encode(memoryview(doubled)[::2], stream_above=0)
    assert server.requests[-1].message.image == LARGE


def test_a_server_from_before_there_were_streams_gets_one_message(
    server: FakeServer, client: Client
) -> None:
    server.respond_always(Fault(grpc.StatusCode.UNIMPLEMENTED, "none"), rpc="EncodeStream")
    assert client.encode(LARGE, stream_above=0).request_id
    assert [call.rpc for call in server.requests] == ["EncodeStream", "Encode"]
    assert server.requests[-1].message.image == LARGE
    with pytest.raises(UnimplementedError):
        client.encode(LARGE, progress=lambda _: None)
