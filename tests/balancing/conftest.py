"""Servers in their own processes: real ones, and scripted ones, which start faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.rpc.conftest import start_process
from tests.servers import NO_NETWORKS, RunningServer, running_server

__all__ = ["start_process", "start_server"]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Return a function that starts a server without networks, with AUTOQUALITY_ variables."""
    with ExitStack() as stack:
        started: list[RunningServer] = []

        def start(**variables: str) -> RunningServer:
            folder = tmp_path / str(len(started))
            folder.mkdir()
            environment = {f"AUTOQUALITY_{name}": text for name, text in variables.items()}
            server = stack.enter_context(running_server(folder, NO_NETWORKS | environment))
            started.append(server)
            return server

        yield start
