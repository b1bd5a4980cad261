"""A fake server and its client, new for each test, and a real server for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autoquality import Client
from autoquality.testing import FakeServer
from autoquality.v1 import encoding_pb2 as pb
from tests.stream.serving import Serving, serving


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(check_images=False) as server:
        yield server


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def real() -> Iterator[Serving]:
    """A server with one worker, no queue and no networks."""
    with serving(queue_size=0) as server:
        yield server


def sent(server: FakeServer) -> pb.EncodeRequest:
    """Return the last request that the server received."""
    message = server.requests[-1].message
    assert isinstance(message, pb.EncodeRequest)
    return message
