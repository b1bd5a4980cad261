"""An ended call is freed at once, not by the garbage collector: until then it counts as open."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import grpc
import pytest

from autoquality.v1 import encoding_pb2 as pb
from autoquality_server.rpc.request_context import RequestContext
from tests.shell.conftest import Served
from tests.shell.scripted import request
from tests.waiting import until


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def remaining() -> int:
    """The number of calls in memory; a thread may hold its last one until the next."""
    return sum(isinstance(one, RequestContext) for one in gc.get_objects())


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("how", ["", "field", "overloaded", "memory", "abort", "generated"])
def test_it_is_freed_however_it_ends(serve_with: Callable[..., Served], how: str) -> None:
    stub = serve_with().stub
    for _ in range(5):
        try:
            stub.Encode(request(how))
        except grpc.RpcError:
            assert how
    until(lambda: remaining() < 2, reason="calls are still in memory")


@pytest.mark.usefixtures("no_collector")
def test_a_stream_is_freed(serve_with: Callable[..., Served]) -> None:
    stub = serve_with().stub
    parts = [pb.EncodeStreamRequest(chunk=b"1"), pb.EncodeStreamRequest(chunk=b"2")]
    for _ in range(3):
        assert len(list(stub.EncodeStream(iter(parts)))) == 3
        cancelled = stub.EncodeStream(iter(parts))
        next(cancelled)
        cancelled.cancel()
    until(lambda: remaining() < 2, reason="calls are still in memory")


@pytest.mark.usefixtures("no_collector")
def test_more_calls_fail_than_may_be_open_at_once(serve_with: Callable[..., Served]) -> None:
    stub = serve_with(workers=1, queue_size=0).stub
    for _ in range(200):
        with pytest.raises(grpc.RpcError) as caught:
            stub.Encode(request("field"))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
