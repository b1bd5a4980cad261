"""One real server without networks for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autoquality import Client
from tests.servers import NO_NETWORKS, RunningServer, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    environment = NO_NETWORKS | {"IMGPROXY_KEY": "a variable without effect"}
    with running_server(tmp_path_factory.mktemp("server"), environment) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: RunningServer) -> Iterator[Client]:
    with Client(server.address) as connected:
        yield connected
