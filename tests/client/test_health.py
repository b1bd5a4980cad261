"""The health check, tested with the package that defines it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from autoquality import AutoQualityError, Client, DeadlineExceededError, UnimplementedError
from autoquality.testing import FakeServer
from tests.waiting import in_background

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def server_at(address: str, servicer: health.HealthServicer | None) -> Iterator[None]:
    """Run a server with the standard health service, or without one."""
    server = grpc.server(ThreadPoolExecutor(4))
    if servicer is not None:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(address)
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait(30)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/socket"


def test_the_standard_health_service_is_understood(address: str) -> None:
    servicer = health.HealthServicer()
    servicer.set("", SERVING)
    servicer.set("autoquality.v1.EncodingService", NOT_SERVING)
    with server_at(address, servicer), Client(address) as client:
        assert client.health()
        assert not client.health("autoquality.v1.EncodingService")
        with pytest.raises(AutoQualityError) as raised:
            client.health("unknown")
        assert raised.value.code is grpc.StatusCode.NOT_FOUND


def test_a_server_without_a_health_service_raises_unimplemented(address: str) -> None:
    with server_at(address, None), Client(address) as client:
        with pytest.raises(UnimplementedError):
            client.health()
        with pytest.raises(UnimplementedError):
            client.wait_ready(30)


def test_an_unreachable_server_is_not_healthy(address: str) -> None:
    with Client(address, retries=0) as client:
        assert not client.health()


def test_wait_ready_returns_when_the_server_is_up_and_serving(address: str) -> None:
    servicer = health.HealthServicer()
    servicer.set("", NOT_SERVING)
    with Client(address) as client:
        waiting = in_background(client.wait_ready, 120)
        with server_at(address, servicer):
            assert not client.health()
            assert not waiting.done()
            servicer.set("", SERVING)
            waiting.result(120)


def test_wait_ready_raises_after_its_timeout(address: str, server: FakeServer) -> None:
    server.serving = False
    with Client(address) as absent, server.client() as unhealthy:
        for client in (absent, unhealthy):
            with pytest.raises(DeadlineExceededError):
                client.wait_ready(0.5)
