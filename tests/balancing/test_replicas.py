"""One client of three servers: no call is lost when a server dies or shuts down."""

from __future__ import annotations

from collections.abc import Callable

from autoquality import Client
from tests.balancing.callers import calling
from tests.servers import RunningServer


def test_every_call_is_answered_while_one_server_is_killed_and_one_is_drained(
    start_server: Callable[..., RunningServer],
) -> None:
    killed, drained, left = (start_server(WORKERS="2") for _ in range(3))
    target = "ipv4:" + ",".join(server.address for server in (killed, drained, left))
    with Client(target) as client, calling(client) as callers:
        for server in (killed, drained, left):
            callers.wait_until_served(server)

        killed.process.kill()
        assert killed.process.wait(60) < 0
        for server in (drained, left):
            callers.wait_until_served(server)

        drained.process.terminate()
        assert drained.process.wait(60) == 0
        callers.wait_until_served(left)
    assert [line["cut_off"] for line in drained.log_lines() if line["event"] == "stopped"] == [0]
