"""Streams in the Python client: messages, progress and retries."""

from __future__ import annotations

import os
import re
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
    InvalidImageError,
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
from tests.commands import python
from tests.photos import photo, photo_path
from tests.rpc.conftest import ROOT
from tests.stream.serving import Serving
from tests.waiting import until

UNAVAILABLE = Fault(grpc.StatusCode.UNAVAILABLE, "shutting down")
LARGE = bytes(range(256)) * 13_000
"""A bit more than three chunks."""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(check_images=False) as server:
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
def test_the_whole_source_arrives_from_any_kind_of_input(
    server: FakeServer, client: Client, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "image"
    if kind == "pipe":
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(LARGE,), daemon=True).start()
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


def test_all_raw_pixels_arrive(server: FakeServer, client: Client) -> None:
    pixels = bytes(1200 * 1000 * 3)
    raw = RawImage(width=1200, height=1000, bands=3, pixels=pixels)
    assert result_of(client.encode_stream(raw, format="webp")).width == 1200
    assert server.requests[0].message.raw == pb.RawImage(
        width=1200, height=1000, bands=3, pixels=pixels
    )


def test_a_streamed_result_equals_that_of_encode(usual: Serving) -> None:
    spec = {"format": "jpeg", "method": "dssim", "target": 0.01, "allowed_error": 0.0005}
    with Client(f"127.0.0.1:{usual.app.port}") as client:
        steps: list[Progress] = []
        streamed = client.encode(photo("rocket.jpg"), progress=steps.append, **spec)  # type: ignore[arg-type]
        events = list(client.encode_stream(photo_path("rocket.jpg"), **spec))  # type: ignore[arg-type]
        whole = client.encode(photo_path("rocket.jpg"), **spec)  # type: ignore[arg-type]
    last = events[-1]
    assert isinstance(last, Encoded)
    assert streamed.image == last.image == whole.image
    assert streamed.outcome == whole.outcome and streamed.dssim == whole.dssim
    assert [one.stage for one in steps if one.stage is not Stage.PROBED] == [
        Stage.ACCEPTED,
        Stage.RECEIVED,
        Stage.QUEUED,
        Stage.STARTED,
    ]
    assert tuple(one.probe for one in steps if one.stage is Stage.PROBED) == streamed.probes
    assert streamed.request_id != last.request_id
    assert streamed.message.size_bytes == len(streamed.image) and not streamed.message.image


def test_an_empty_file_is_refused_as_by_encode(usual: Serving) -> None:
    with Client(f"127.0.0.1:{usual.app.port}") as client:
        for progress in (None, print):
            with pytest.raises(InvalidImageError, match="image: must not be empty"):
                client.encode(b"", progress=progress)


def test_the_example_in_docs_streaming_md_works(usual: Serving, tmp_path: Path) -> None:
    page = (ROOT / "docs/streaming.md").read_text()
    (code,) = re.findall(r"<!-- stream:begin -->\n```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    code = code.replace("localhost:50051", f"127.0.0.1:{usual.app.port}")
    assert python(code, cwd=tmp_path).stdout.startswith("tried ")
    assert (tmp_path / "example.webp").read_bytes().startswith(b"RIFF")


def test_only_large_sources_are_streamed_by_default(server: FakeServer, client: Client) -> None:
    client.encode(LARGE)
    client.encode(LARGE, stream_above=len(LARGE))
    client.encode(LARGE, stream_above=len(LARGE) - 1)
    client.encode(bytes(32 * 2**20 + 1))
    client.encode(bytes(32 * 2**20 + 1), stream_above=None)
    assert [call.rpc for call in server.requests] == [
        *("Encode", "Encode", "EncodeStream", "EncodeStream", "Encode")
    ]


def test_a_retry_sends_the_whole_source_again(
    server: FakeServer, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "image"
    path.write_bytes(LARGE)
    server.respond(UNAVAILABLE, Fault.overloaded(0.01), rpc="EncodeStream")
    steps: list[Progress] = []
    assert client.encode(path, progress=steps.append).request_id
    assert [len(call.message.image) for call in server.requests] == [len(LARGE)] * 3
    assert len({call.metadata["x-request-id"] for call in server.requests}) == 1
    assert [one.stage for one in steps].count(Stage.ACCEPTED) == 3


def test_a_stream_is_retried_this_often(server: FakeServer) -> None:
    for fault, error in ((UNAVAILABLE, UnavailableError), (Fault.overloaded(0), OverloadedError)):
        server.respond_always(fault, rpc="EncodeStream")
        with server.client(retries=1) as client, pytest.raises(error):
            list(client.encode_stream(b"photo"))
    assert len(server.requests) == 4


def test_an_invalid_request_is_not_retried(server: FakeServer, client: Client) -> None:
    server.respond_always(Fault.invalid("image", "is not an image"), rpc="EncodeStream")
    with pytest.raises(InvalidRequestError) as caught:
        list(client.encode_stream(b"photo"))
    assert caught.value.field_violations[0].field == "image"
    assert len(server.requests) == 1


def test_a_result_with_missing_bytes_raises_internal_error(
    server: FakeServer, client: Client
) -> None:
    server.respond(pb.EncodeResponse(image=b"12345", size_bytes=6), rpc="EncodeStream")
    with pytest.raises(InternalError, match="incomplete"):
        list(client.encode_stream(b"photo"))


def test_an_unreadable_file_raises_at_once_or_during_the_iteration(
    client: Client, usual: Serving, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        client.encode_stream(tmp_path / "missing")
    path = tmp_path / "gone"
    path.write_bytes(LARGE)
    with Client(f"127.0.0.1:{usual.app.port}", retries=0) as real:
        events = real.encode_stream(path)
        path.unlink()
        with pytest.raises(FileNotFoundError):
            list(events)


def test_a_file_that_grows_during_the_upload_is_refused(usual: Serving, tmp_path: Path) -> None:
    path = tmp_path / "grows"
    path.write_bytes(photo("rocket.jpg"))
    with Client(f"127.0.0.1:{usual.app.port}", retries=0) as client:
        events = client.encode_stream(path)
        path.write_bytes(photo("rocket.jpg") + b"more")
        with pytest.raises(InvalidRequestError, match="exceeds the announced 112525 bytes"):
            list(events)


def test_closing_the_generator_cancels_the_call(server: FakeServer, client: Client) -> None:
    server.delay = 100.0
    events = client.encode_stream(b"photo")
    assert isinstance(next(events), Progress)
    until(lambda: server.requests, reason="a call")
    events.close()
    assert server.requests[0].ended.wait(30)


def test_closing_the_client_cancels_the_stream(server: FakeServer) -> None:
    server.delay = 100.0
    with server.client() as client:
        events = client.encode_stream(b"photo")
        next(events)
        client.close()
        with pytest.raises(CancelledError):
            list(events)


def test_invalid_arguments_are_refused_before_anything_is_sent(
    server: FakeServer, client: Client
) -> None:
    with pytest.raises(ValueError, match="format must be one of"):
        client.encode_stream(b"photo", format="gif")
    with pytest.raises(ValueError, match="printable ASCII"):
        client.encode_stream(b"photo", request_id="\n")
    assert server.requests == ()


def test_a_view_that_is_not_contiguous_arrives_whole(server: FakeServer, client: Client) -> None:
    doubled = bytes(byte for one in LARGE for byte in (one, 0))
    client.encode(memoryview(doubled)[::2], stream_above=0)
    assert server.requests[-1].message.image == LARGE


def test_a_server_without_streams_gets_one_message(server: FakeServer, client: Client) -> None:
    server.respond_always(Fault(grpc.StatusCode.UNIMPLEMENTED, "none"), rpc="EncodeStream")
    assert client.encode(LARGE, stream_above=0).request_id
    assert [call.rpc for call in server.requests] == ["EncodeStream", "Encode"]
    assert server.requests[-1].message.image == LARGE
    with pytest.raises(UnimplementedError):
        client.encode(LARGE, progress=lambda _: None)
