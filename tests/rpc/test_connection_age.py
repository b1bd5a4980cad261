"""Old connections are closed so that clients look for new servers; their calls are finished."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc
from grpc import ChannelConnectivity

from tests.rpc.conftest import Process, encoding_stub
from tests.rpc.scripted import request
from tests.waiting import LIMIT, until


def states_of(channel: grpc.Channel) -> list[ChannelConnectivity]:
    """Every state that the channel goes through from now on."""
    seen: list[ChannelConnectivity] = []
    channel.subscribe(seen.append)
    return seen


def left_ready(seen: list[ChannelConnectivity]) -> bool:
    ready = ChannelConnectivity.READY
    return ready in seen and seen[-1] is not ready


def test_a_connection_of_age_is_closed_and_what_runs_on_it_is_finished(
    start_process: Callable[..., Process], tmp_path: Path
) -> None:
    server = start_process(MAX_CONNECTION_AGE="0.1")
    with grpc.insecure_channel(server.address) as channel:
        seen = states_of(channel)
        running = encoding_stub(channel).Encode.future(request(f"wait-for:{tmp_path / 'gate'}"))
        until(lambda: left_ready(seen))
        (tmp_path / "gate").touch()
        assert running.result(LIMIT).quality == 80


def test_what_outlives_the_grace_is_cut_off(
    start_process: Callable[..., Process], tmp_path: Path
) -> None:
    server = start_process(MAX_CONNECTION_AGE="0.1", MAX_CONNECTION_AGE_GRACE="1")
    with grpc.insecure_channel(server.address) as channel:
        running = encoding_stub(channel).Encode.future(request(f"wait-for:{tmp_path / 'never'}"))
        assert running.exception(LIMIT).code() in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.CANCELLED,
        )


def test_by_default_a_connection_stays(start_process: Callable[..., Process]) -> None:
    server = start_process()
    with grpc.insecure_channel(server.address) as channel:
        seen = states_of(channel)
        for _ in range(50):
            encoding_stub(channel).GetServerInfo(request())
        assert not left_ready(seen)
