"""Servers come and go behind a name: the client finds them, and loses no call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autoquality import Client
from tests.balancing.callers import calling
from tests.balancing.names import serving
from tests.shell.conftest import Process

# gRPC asks a name again every 30 seconds at most.
ASK_OFTEN: list[tuple[str, Any]] = [("grpc.dns_min_time_between_resolutions_ms", 50)]


def test_a_new_server_is_found_though_the_old_one_stays_and_the_old_one_may_go(
    start_process: Callable[..., Process],
) -> None:
    """Nothing breaks the client's connection: only its age makes it ask for the name again."""
    old = start_process(MAX_CONNECTION_AGE="0.5")
    with (
        serving("127.0.0.1") as names,
        Client(names.target(old.port), channel_options=ASK_OFTEN) as client,
        calling(client) as callers,
    ):
        callers.wait_until_served(old)
        new = start_process(LISTEN=f"127.0.0.2:{old.port}")
        names.addresses.append("127.0.0.2")
        callers.wait_until_served(new)

        old.process.terminate()
        names.addresses.remove("127.0.0.1")
        assert old.process.wait() == 0
        callers.wait_until_served(new)
