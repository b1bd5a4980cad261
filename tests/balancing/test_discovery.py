"""Servers come and go behind a name. The client finds them, and no call fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autoquality import Client
from tests.balancing.callers import calling
from tests.balancing.names import serving
from tests.rpc.conftest import Process

# By default, gRPC waits 30 seconds before it resolves a name again.
RESOLVE_OFTEN: list[tuple[str, Any]] = [("grpc.dns_min_time_between_resolutions_ms", 50)]


def test_a_new_server_is_found_while_the_old_one_still_serves(
    start_process: Callable[..., Process],
) -> None:
    """Only the maximum age of its connection makes the client resolve the name again."""
    old = start_process(MAX_CONNECTION_AGE="0.5")
    with (
        serving("127.0.0.1") as names,
        Client(names.target(old.port), channel_options=RESOLVE_OFTEN) as client,
        calling(client) as callers,
    ):
        callers.wait_until_served(old)
        new = start_process(LISTEN=f"127.0.0.2:{old.port}")
        names.addresses.append("127.0.0.2")
        callers.wait_until_served(new)

        old.process.terminate()
        names.addresses.remove("127.0.0.1")
        assert old.process.wait(60) == 0
        callers.wait_until_served(new)
