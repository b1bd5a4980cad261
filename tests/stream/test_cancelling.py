"""Calls that end early, at every stage: they leave nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from autoquality.v1 import encoding_pb2 as pb
from autoquality_core.errors import InvalidRequest, RequestCancelled
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.rpc.streaming import first_part, receive
from tests.photos import crop
from tests.stream.serving import Sender, Serving, chunk, noise, parts, shape_of, stage, start
from tests.waiting import until

PHOTO = crop("chelsea.png", 200, 150)
PLAIN = pb.EncodeRequest(format=pb.FORMAT_WEBP)
LONG = pb.EncodeRequest(
    format=pb.FORMAT_AVIF,
    auto_quality=pb.AutoQuality(
        method=pb.METHOD_DSSIM, target=0.0123, min_quality=1, max_quality=100, allowed_error=0
    ),
    avif=pb.AvifOptions(speed=3),
)
"""Several encodings of half a second or more."""


def read_until(call: Any, wanted: str) -> None:
    while stage(next(call)) != wanted:
        pass


def assert_nothing_is_left(server: Serving) -> None:
    until(lambda: server.ended("CANCELLED") == 1)
    until(server.is_idle)
    last = list(server.stream(parts(PLAIN, PHOTO)))[-1]
    assert stage(last) == "chunk"


def test_a_call_can_be_cancelled_before_its_first_message(
    serve_with: Callable[..., Serving],
) -> None:
    server, sender = serve_with(), Sender()
    call = server.stream(sender)
    until(lambda: server.gauge("uploads_in_flight") == 1)
    call.cancel()
    assert_nothing_is_left(server)
    sender.end()


class Recorded(Deadline):
    """Records for how long a cancellation was awaited, which comes then if it is `late`."""

    def __init__(self, *, late: bool = False) -> None:
        super().__init__()
        self.waited: list[float] = []
        self._late = late

    def check_soon(self, seconds: float) -> None:
        self.waited.append(seconds)
        if self._late:
            self.cancel()
        self.check()


def test_only_a_stream_that_ends_early_waits_for_its_cancellation() -> None:
    """In gRPC, a cancelled stream may look complete at first."""
    first = start(PLAIN)
    whole = Recorded()
    assert first_part(iter([first]), whole) == first.start
    assert bytes(receive(iter([chunk(b"1234")]), 4, 4, whole)) == b"1234"
    assert whole.waited == []
    for late, error in ((False, InvalidRequest), (True, RequestCancelled)):
        empty, cut = Recorded(late=late), Recorded(late=late)
        with pytest.raises(error):
            first_part(iter([]), empty)
        with pytest.raises(error):
            receive(iter([chunk(b"12")]), 4, 4, cut)
        assert 0 < min(empty.waited + cut.waited) <= max(empty.waited + cut.waited) < 1


def test_a_call_can_be_cancelled_during_its_upload(serve_with: Callable[..., Serving]) -> None:
    server, sender = serve_with(), Sender(start(PLAIN, len(PHOTO)), chunk(PHOTO[:5000]))
    call = server.stream(sender)
    read_until(call, "ACCEPTED")
    call.cancel()
    assert_nothing_is_left(server)
    sender.end()


def test_a_call_can_be_cancelled_in_the_queue(serve_with: Callable[..., Serving]) -> None:
    server = serve_with()
    with server.busy():
        call = server.stream(parts(PLAIN, PHOTO))
        read_until(call, "QUEUED")
        until(lambda: server.gauge("requests_queued") == 1)
        call.cancel()
        until(lambda: server.gauge("requests_queued") == 0)
    assert_nothing_is_left(server)


def test_a_call_can_be_cancelled_between_two_probes(serve_with: Callable[..., Serving]) -> None:
    server = serve_with()
    call = server.stream(parts(LONG, PHOTO))
    read_until(call, "PROBED")
    assert server.gauge("requests_in_flight") == 1
    call.cancel()
    assert_nothing_is_left(server)
    assert server.metrics["autoquality_source_bytes_count"] == 1  # of assert_nothing_is_left


def test_while_the_result_is_taken(serve_with: Callable[..., Serving]) -> None:
    """A slow download holds no worker, so other requests run meanwhile."""
    server, raw = serve_with(), noise(5000, 4000)  # more than gRPC buffers
    request = pb.EncodeRequest(
        format=pb.FORMAT_PNG, raw=shape_of(raw), png=pb.PngOptions(compression=0)
    )
    call = server.stream(parts(request, raw.pixels, size=2**20))
    read_until(call, "result")
    until(lambda: server.gauge("requests_in_flight") == 0)
    list(server.stream(parts(PLAIN, PHOTO)))
    call.cancel()
    assert_nothing_is_left(server)


def test_a_deadline_can_expire_during_the_upload(
    serve_with: Callable[..., Serving],
) -> None:
    server, sender = serve_with(), Sender(start(PLAIN, len(PHOTO)), chunk(PHOTO[:5000]))
    with pytest.raises(grpc.RpcError) as caught:
        list(server.stream(sender, timeout=0.5))
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    until(server.is_idle)
    sender.end()


def test_a_deadline_can_expire_in_the_queue(serve_with: Callable[..., Serving]) -> None:
    server = serve_with()
    with server.busy():
        with pytest.raises(grpc.RpcError) as caught:
            list(server.stream(parts(PLAIN, PHOTO), timeout=0.5))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        until(lambda: server.gauge("requests_queued") == 0)
    until(server.is_idle)


def test_a_caller_that_takes_nothing_of_the_result_is_cut_off_and_counted(
    serve_with: Callable[..., Serving],
) -> None:
    server, raw = serve_with(download_timeout=0.5), noise(2000, 1400)
    request = pb.EncodeRequest(
        format=pb.FORMAT_PNG, raw=shape_of(raw), png=pb.PngOptions(compression=0)
    )
    call = server.stream(parts(request, raw.pixels, size=2**20))
    until(lambda: server.rejected("DOWNLOAD_TIMEOUT") == 1)
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    assert caught.value.code() is grpc.StatusCode.CANCELLED
    assert_nothing_is_left(server)
