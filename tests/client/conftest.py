"""A fake server and its client, new for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autoquality import Client
from autoquality.testing import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(check_images=False) as server:
        yield server


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with server.client() as client:
        yield client
