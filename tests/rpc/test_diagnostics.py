"""Reflection and channelz, when they are switched on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from autoquality_server.rpc import diagnostics
from tests.rpc.conftest import ENCODING, Served
from tests.rpc.scripted import request
from tests.waiting import GATE_LIMIT, LIMIT, wait_for


def services_of(server: Served) -> set[str]:
    """The answers of reflection."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(server.channel)  # type: ignore[no-untyped-call]
    question = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([question]), timeout=LIMIT)
    return {service.name for service in answer.list_services_response.service}


def servers_of(server: Served) -> list[Any]:
    """The answers of channelz."""
    stub = channelz_pb2_grpc.ChannelzStub(server.channel)
    return list(stub.GetServers(channelz_pb2.GetServersRequest()).server)


def is_unimplemented(question: Callable[[Served], object], server: Served) -> bool:
    with pytest.raises(grpc.RpcError) as caught:
        question(server)
    return caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_by_default_there_is_reflection_and_no_channelz(serve_with: Callable[..., Served]) -> None:
    server = serve_with()
    assert services_of(server) == {
        ENCODING,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert is_unimplemented(servers_of, server)


def test_reflection_can_be_switched_off(serve_with: Callable[..., Served]) -> None:
    assert is_unimplemented(services_of, serve_with(reflection=False))


def test_channelz_can_be_switched_on(serve_with: Callable[..., Served]) -> None:
    server = serve_with(channelz=True)
    assert len(servers_of(server)) >= 1
    assert "grpc.channelz.v1.Channelz" in services_of(server)


def test_open_reflection_streams_do_not_take_the_workers_threads(
    serve_with: Callable[..., Served],
) -> None:
    server = serve_with(workers=1, queue_size=0)
    close = threading.Event()

    def asking() -> Iterator[Any]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        wait_for(close, within=GATE_LIMIT)

    stub: Any = reflection_pb2_grpc.ServerReflectionStub(server.channel)  # type: ignore[no-untyped-call]
    streams = [stub.ServerReflectionInfo(asking()) for _ in range(50)]
    next(streams[0])
    assert server.stub.Encode(request(), timeout=30).quality == 80
    close.set()
    for stream in streams:
        stream.cancel()


def test_silent_reflection_streams_end_and_let_others_in(
    serve_with: Callable[..., Served],
) -> None:
    server = serve_with(upload_timeout=1.0)
    close = threading.Event()

    def asking() -> Iterator[Any]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")
        wait_for(close, within=GATE_LIMIT)

    stub: Any = reflection_pb2_grpc.ServerReflectionStub(server.channel)  # type: ignore[no-untyped-call]
    silent = [stub.ServerReflectionInfo(asking()) for _ in range(diagnostics._THREADS)]
    assert ENCODING in services_of(server)
    assert [len(list(stream)) for stream in silent] == [1] * len(silent)
    close.set()
