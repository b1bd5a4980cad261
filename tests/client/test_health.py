"""The health check, against the package that defines it."""

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

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@contextmanager
def server_at(address: str, servicer: health.HealthServicer | None) -> Iterator[None]:
    """A server with the usual health service, or with none at all."""
    server = grpc.server(ThreadPoolExecutor(4))
    if servicer is not None:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(address)
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/socket"


def test_the_usual_health_service_is_understood(address: str) -> None:
    servicer = health.HealthServicer()
    servicer.set("", SERVING)
    servicer.set("autoquality.v1.EncodingService", NOT_SERVING)
    with server_at(address, servicer), Client(address) as client:
        assert client.health()
        assert not client.health("autoquality.v1.EncodingService")
        with pytest.raises(AutoQualityError) as raised:
            client.health("nothing")
        assert raised.value.code is grpc.StatusCode.NOT_FOUND


def test_a_server_without_a_health_service_is_not_taken_for_a_sick_one(address: str) -> None:
    with server_at(address, None), Client(address) as client:
        with pytest.raises(UnimplementedError):
            client.health()
        with pytest.raises(UnimplementedError):
            client.wait_ready(30)


def test_a_server_that_is_not_there_does_not_serve(address: str) -> None:
    with Client(address, retries=0) as client:
        assert not client.health()


def test_waiting_ends_when_the_server_has_come_and_serves(address: str) -> None:
    servicer = health.HealthServicer()
    servicer.set("", NOT_SERVING)
    with Client(address) as client, ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.wait_ready, 120)
        with server_at(address, servicer):
            assert not client.health()
            assert not waiting.done()
            servicer.set("", SERVING)
            waiting.result(120)


def test_waiting_in_vain_ends_with_the_timeout(address: str, server: FakeServer) -> None:
    server.serving = False
    with Client(address) as nobody, server.client() as sick:
        for client in (nobody, sick):
            with pytest.raises(DeadlineExceededError):
                client.wait_ready(0.5)
