"""A request that never ends frees its worker by the end of its process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import grpc
import pytest
from grpc_health.v1 import health_pb2

from autoquality import Client, DeadlineExceededError, Progress
from autoquality_core.runtime.context import Context
from autoquality_core.runtime.deadline import Deadline
from autoquality_server.process import HUNG
from autoquality_server.rpc.watchdog import Watchdog
from tests.faults.conftest import PHOTO, Fleet
from tests.faults.faulty import GATE, HANGS, WAITS
from tests.faults.test_crashes import restarts
from tests.rpc.conftest import health_stub
from tests.waiting import LIMIT, in_background, until, wait_for


def hang(client: Client, progress: Callable[[Progress], object] | None = None) -> str:
    """Have one request hang, a stream if it has `progress`; gives its id."""
    with pytest.raises(DeadlineExceededError) as caught:
        client.encode(
            PHOTO,
            format="webp",
            quality=HANGS,
            timeout=1.0,
            request_id="hanging",
            progress=progress,
        )
    assert caught.value.request_id is not None
    return caught.value.request_id


def assert_logged(fleet: Fleet, request_id: str, rpc: str) -> None:
    """One line of the log names the request that hangs."""
    (line,) = fleet.lines("a request hangs")
    told = {key: line[key] for key in ("request_id", "rpc", "format", "method")}
    assert told == {
        "request_id": request_id,
        "rpc": f"autoquality.v1.EncodingService/{rpc}",
        "format": "webp",
        "method": "none",
    }


def test_a_process_with_a_hung_request_serves_the_others_and_is_replaced(
    start_fleet: Callable[..., Fleet],
) -> None:
    fleet = start_fleet(WORKERS="4", HUNG_GRACE="3")
    with fleet.client(retries=0) as client:
        beside = in_background(client.encode, PHOTO, format="webp", quality=WAITS)
        until(lambda: fleet.in_flight == 1 or beside.done())
        request_id = hang(client)
        until(lambda: fleet.lines("giving up"))
        fleet.touch(GATE)
        assert beside.result(LIMIT).quality == WAITS
        until(lambda: restarts(fleet, "hung") == 1 and fleet.ready == 2)
        assert_logged(fleet, request_id, "Encode")
        assert [one["reason"] for one in fleet.lines("process ended")] == [f"exit status {HUNG}"]
    with fleet.client(retries=0) as client:
        assert client.encode(PHOTO, format="webp", quality=50).quality == 50


def test_a_process_that_does_not_even_answer_the_supervisor_is_replaced(
    start_fleet: Callable[..., Fleet],
) -> None:
    fleet = start_fleet(HUNG_GRACE="3")
    os.kill(fleet.pids()[0], signal.SIGSTOP)
    until(lambda: restarts(fleet, "hung") == 1 and fleet.ready == 2)
    assert len(fleet.lines("a process does not answer")) == 1


def test_a_server_on_its_own_stops_serving_and_exits_with_a_status_of_its_own(
    start_fleet: Callable[..., Fleet],
) -> None:
    server = start_fleet(PROCESSES="1", WORKERS="2", HUNG_GRACE="3")
    with (
        grpc.insecure_channel(server.address) as channel,
        server.client(retries=0) as client,
    ):
        watching = health_stub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
        beside = in_background(client.encode, PHOTO, format="webp", quality=WAITS)
        until(lambda: server.in_flight == 1 or beside.done())
        request_id = hang(client, lambda _: None)
        assert next(watching).status == health_pb2.HealthCheckResponse.NOT_SERVING
        server.touch(GATE)
        assert beside.result(LIMIT).quality == WAITS
    assert server.process.wait(LIMIT) == HUNG
    assert_logged(server, request_id, "EncodeStream")


def overdue() -> Context:
    deadline = Deadline()
    deadline.cancel()
    until(deadline.overdue)
    return Context(deadline)


def test_a_call_with_a_waiting_caller_does_not_count_as_hung() -> None:
    barked = threading.Event()
    watchdog = Watchdog(1e-9, barked.set)
    with watchdog.watching(Context()), watchdog.watching(Context(Deadline(3600))):
        assert watchdog.has_waiting_callers()
        assert not watchdog.hung
    with watchdog.watching(overdue()):
        assert not watchdog.has_waiting_callers()
        wait_for(barked)
        assert watchdog.hung


def test_without_a_grace_nothing_ever_hangs() -> None:
    watchdog = Watchdog(0, lambda: None)
    with watchdog.watching(overdue()):
        watchdog._watch()  # would look for ever if it looked at all
        assert not watchdog.hung
