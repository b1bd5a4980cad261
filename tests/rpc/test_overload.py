"""A full server refuses at once, and still answers health checks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2

from autoquality.v1 import encoding_pb2 as pb
from tests.rpc.conftest import ENCODING, Served, health_stub
from tests.rpc.scripted import request
from tests.waiting import GATE_LIMIT, LIMIT, until, wait_for

SERVING = health_pb2.HealthCheckResponse.SERVING


def health_of(server: Served) -> int:
    stub = health_stub(server.channel)
    status: int = stub.Check(health_pb2.HealthCheckRequest(service=ENCODING), timeout=30).status
    return status


def test_beyond_the_queue_requests_are_refused_while_the_others_go_on(
    serve_with: Callable[..., Served],
) -> None:
    server = serve_with(workers=2, queue_size=3)
    calls = server.fill(running=2, queued=3)
    for _ in range(10):
        with pytest.raises(grpc.RpcError) as caught:
            server.stub.Encode(request())
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    server.servicer.gate.set()
    assert [call.result(LIMIT).quality for call in calls] == [80] * 5
    assert server.stub.Encode(request()).quality == 80


def test_a_full_server_answers_health_checks(serve_with: Callable[..., Served]) -> None:
    server = serve_with(workers=1, queue_size=1)
    server.fill(running=1, queued=1)
    assert health_of(server) == SERVING


def test_slow_uploads_cannot_starve_health_checks(serve_with: Callable[..., Served]) -> None:
    """As many requests as there are threads announce themselves and never arrive."""
    server = serve_with(workers=1, queue_size=1, max_image_bytes=2**20)
    arrive = threading.Event()

    def late() -> Iterator[pb.EncodeRequest]:
        wait_for(arrive, within=GATE_LIMIT)
        yield request()

    upload = server.channel.stream_unary(
        f"/{ENCODING}/Encode",
        request_serializer=pb.EncodeRequest.SerializeToString,
        response_deserializer=pb.EncodeResponse.FromString,
    )
    uploads = [upload.future(late()) for _ in range(40)]
    pool = server.app._pool
    until(lambda: len(pool._threads) == pool._max_workers)
    assert health_of(server) == SERVING
    arrive.set()
    for call in uploads:
        call.exception(LIMIT)


def test_a_caller_that_gives_up_in_the_queue_leaves_its_place(
    serve_with: Callable[..., Served],
) -> None:
    server = serve_with(workers=1, queue_size=1)
    running, queued = server.fill(running=1, queued=1)
    queued.cancel()
    until(lambda: server.servicer.admission.queued == 0)
    following = server.stub.Encode.future(request())
    until(lambda: server.servicer.admission.queued == 1)
    server.servicer.gate.set()
    assert running.result(LIMIT).quality == 80
    assert following.result(LIMIT).quality == 80


def test_a_deadline_that_passes_in_the_queue_is_reported(serve_with: Callable[..., Served]) -> None:
    server = serve_with(workers=1, queue_size=1)
    server.fill(running=1, queued=0)
    with pytest.raises(grpc.RpcError) as caught:
        server.stub.Encode(request(), timeout=0.05)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    until(lambda: server.servicer.admission.queued == 0)


def test_two_images_of_the_largest_size_fit_one_message(serve_with: Callable[..., Served]) -> None:
    server = serve_with(max_image_bytes=3 * 2**20)
    largest = bytes(3 * 2**20)
    answer = server.stub.Compare(pb.CompareRequest(reference=largest, distorted=largest))
    assert (answer.width, answer.height) == (len(largest), len(largest))
    with pytest.raises(grpc.RpcError) as caught:
        server.stub.Encode(request(image=bytes(8 * 2**20)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_bare_pixels_of_the_highest_resolution_fit_one_message(
    serve_with: Callable[..., Served],
) -> None:
    server = serve_with(max_image_bytes=2**20, max_resolution=2.0)
    answer = server.stub.Encode(pb.EncodeRequest(raw=pb.RawImage(pixels=bytes(8_000_000))))
    assert answer.quality == 80


def test_a_large_response_is_sent(serve_with: Callable[..., Served]) -> None:
    server = serve_with()
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.app.port}", options) as channel:
        encode = channel.unary_unary(
            f"/{ENCODING}/Encode",
            request_serializer=pb.EncodeRequest.SerializeToString,
            response_deserializer=pb.EncodeResponse.FromString,
        )
        assert len(encode(request(image=bytes(6 * 2**20))).image) == 6 * 2**20
