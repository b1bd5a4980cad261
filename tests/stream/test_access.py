"""Authentication, quotas, the queue and the upload timeout, as for Encode."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

from autoquality.v1 import encoding_pb2 as pb
from tests.photos import crop
from tests.stream.serving import Sender, Serving, answer_of, chunk, detail_of, failure, parts, start
from tests.waiting import until

PHOTO = crop("chelsea.png", 200, 150)
PLAIN = pb.EncodeRequest(format=pb.FORMAT_WEBP)
TOKEN = "one-of-the-tokens-0001"


def test_a_stream_without_a_token_is_refused_before_it_is_read(
    serve_with: Callable[..., Serving], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"shop: {TOKEN}\n")
    server, unread = serve_with(token_file=str(tokens)), Sender()
    assert failure(server.stream(unread)).code() is grpc.StatusCode.UNAUTHENTICATED
    assert server.rejected("TOKEN_MISSING") == 1
    unread.end()
    allowed = server.stream(parts(PLAIN, PHOTO), metadata=(("authorization", f"Bearer {TOKEN}"),))
    assert answer_of(allowed).width == 200


def test_streams_count_towards_a_caller_s_request_rate(serve_with: Callable[..., Serving]) -> None:
    server = serve_with(client_requests_per_second=0.01)
    assert answer_of(server.stream(parts(PLAIN, PHOTO))).width == 200
    refused = failure(server.stream(Sender()))
    assert detail_of(refused, error_details_pb2.ErrorInfo).reason == "RATE_EXCEEDED"
    assert (
        detail_of(refused, error_details_pb2.QuotaFailure)
        .violations[0]
        .subject.startswith("client:")
    )


def test_streams_count_towards_a_caller_s_megapixel_rate(
    serve_with: Callable[..., Serving],
) -> None:
    server, large = serve_with(client_megapixels_per_second=0.001), crop("chelsea.png", 400, 300)
    for _ in range(8):  # 0.96 of the first megapixel, which a caller has at once
        assert answer_of(server.stream(parts(PLAIN, large))).width == 400
    refused = failure(server.stream(parts(PLAIN, large)))
    assert detail_of(refused, error_details_pb2.ErrorInfo).reason == "RATE_EXCEEDED"
    assert detail_of(refused, error_details_pb2.RetryInfo).retry_delay.ToNanoseconds() > 0


def test_a_full_queue_refuses_a_stream_with_a_retry_hint(
    serve_with: Callable[..., Serving],
) -> None:
    server = serve_with(queue_size=0)
    with server.busy():
        refused = failure(server.stream(parts(PLAIN, PHOTO)))
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert detail_of(refused, error_details_pb2.ErrorInfo).reason == "QUEUE_FULL"
    assert detail_of(refused, error_details_pb2.RetryInfo).retry_delay.ToNanoseconds() > 0
    assert server.rejected("QUEUE_FULL") == 1
    assert answer_of(server.stream(parts(PLAIN, PHOTO))).width == 200


def test_a_stream_waits_in_the_queue_as_an_encode_does(serve_with: Callable[..., Serving]) -> None:
    server = serve_with()
    with server.busy():
        call = server.stream(parts(PLAIN, PHOTO))
        until(lambda: server.gauge("requests_queued") == 1)
    assert answer_of(call).timings.queue.ToNanoseconds() > 0


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_a_source_that_does_not_arrive_in_time_is_aborted_and_counted(
    serve_with: Callable[..., Serving], sent: int
) -> None:
    server = serve_with(upload_timeout=0.5)
    stalled = Sender(*[start(PLAIN, len(PHOTO)), chunk(PHOTO[:100])][:sent])
    slow = failure(server.stream(stalled))
    assert slow.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert detail_of(slow, error_details_pb2.ErrorInfo).reason == "UPLOAD_TIMEOUT"
    until(lambda: server.rejected("UPLOAD_TIMEOUT") == 1)
    until(server.is_idle)
    stalled.end()


def test_a_source_that_arrives_too_slowly_is_aborted(serve_with: Callable[..., Serving]) -> None:
    """The timeout is for the whole source. A new chunk does not restart it."""
    server = serve_with(upload_timeout=0.5)
    over = threading.Event()

    def drops() -> Iterator[pb.EncodeStreamRequest]:
        yield start(PLAIN)
        while not over.wait(0.02):
            yield chunk(b".")

    assert failure(server.stream(drops())).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    over.set()
    until(lambda: server.rejected("UPLOAD_TIMEOUT") == 1)
    until(server.is_idle)


def test_the_upload_timeout_does_not_include_the_queue(
    serve_with: Callable[..., Serving],
) -> None:
    server = serve_with(upload_timeout=0.5)
    with server.busy():
        call = server.stream(parts(PLAIN, PHOTO))
        until(lambda: server.gauge("requests_queued") == 1)
        assert server.gauge("uploads_in_flight") == 0
    assert answer_of(call).width == 200
