"""The end of a process fails only its own requests, and a new process replaces it."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from autoquality import Client, UnavailableError
from autoquality_server.telemetry.captured_output import EVENT
from tests.faults.conftest import PHOTO, Fleet, Waiting
from tests.faults.faulty import CRASHES, DEADLY, GATE, STUCK, WAITS
from tests.http2 import FORGED, FORGERY, leave_with
from tests.waiting import LIMIT, until

CALLERS = 4
QUALITIES = (40, 60, 80, 90)
REFUSED = 'autoquality_rejected_total{reason="QUEUE_FULL"}'
HANDLED = (
    'grpc_server_handled_total{grpc_code="OK",grpc_method="Encode",'
    'grpc_service="autoquality.v1.EncodingService",grpc_type="unary"}'
)


def restarts(fleet: Fleet, cause: str) -> int:
    return int(fleet.metrics[f'autoquality_process_restarts_total{{cause="{cause}"}}'])


def wait_until_more(tell: Callable[[], float], more: int, *, since: float | None = None) -> None:
    """Wait until a number is so much more than it is, or was."""
    goal = (tell() if since is None else since) + more
    until(lambda: tell() >= goal)


class Callers:
    """Threads that go on calling, each over a connection of its own, and check each answer.

    Between its calls, each waits for `pause` seconds: new processes need the processor to start.
    """

    def __init__(self, fleet: Fleet, threads: int = CALLERS, pause: float = 0.02) -> None:
        self._fleet = fleet
        self._threads = threads
        self._pause = pause
        self._stop = threading.Event()
        with fleet.client() as client:
            self._right = [self._encoded(client, quality) for quality in QUALITIES]

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Call during the body, which fails if a call failed or was answered wrongly."""
        with ThreadPoolExecutor(self._threads) as pool:
            loops = [pool.submit(self._call) for _ in range(self._threads)]
            try:
                yield
            finally:
                self._stop.set()
            assert all(loop.result(LIMIT) for loop in loops)

    def _call(self) -> int:
        answered = 0
        with self._fleet.client() as client:
            while not self._stop.wait(self._pause):
                which = answered % len(QUALITIES)
                assert self._encoded(client, QUALITIES[which]) == self._right[which]
                answered += 1
        return answered

    @staticmethod
    def _encoded(client: Client, quality: int) -> bytes:
        return client.encode(PHOTO, format="webp", quality=quality).image


def test_processes_killed_one_after_another_under_load_lose_no_call_and_no_count(
    start_fleet: Callable[..., Fleet],
) -> None:
    fleet = start_fleet(WORKERS="2")
    counts: list[float] = []

    def count() -> float:
        counts.append(fleet.metrics[HANDLED])
        return counts[-1]

    with Callers(fleet).calling():
        for killed in (1, 2):
            wait_until_more(count, CALLERS)
            fleet.kill_one()
            wait_until_more(lambda: count() and restarts(fleet, "SIGKILL"), 1, since=killed - 1)
            until(lambda: count() and fleet.ready == 2)
    count()
    assert counts == sorted(counts)
    assert {line["reason"] for line in fleet.lines("process ended")} == {"SIGKILL"}


def test_two_of_three_processes_killed_within_a_second_lose_no_call(
    start_fleet: Callable[..., Fleet],
) -> None:
    """There are more callers than the last process has room for."""
    fleet = start_fleet(PROCESSES="3", WORKERS="2")
    with Callers(fleet, threads=24, pause=0).calling():
        wait_until_more(lambda: fleet.metrics[HANDLED], 24)
        one, other, _ = fleet.pids()
        os.kill(one, signal.SIGKILL)
        time.sleep(0.6)
        os.kill(other, signal.SIGKILL)
        until(lambda: restarts(fleet, "SIGKILL") == 2 and fleet.ready == 3)
    assert fleet.metrics[REFUSED] > 0


def test_a_codec_that_crashes_harms_only_what_its_process_was_given(
    start_fleet: Callable[..., Fleet],
) -> None:
    """Its traceback is in the log with the number of its process, and every line is JSON."""
    fleet = start_fleet(WORKERS="8")
    leave_with(fleet.port, FORGERY)
    until(lambda: "red" in fleet.log.read_text())
    written = [line["text"] for line in fleet.lines(EVENT)]
    assert FORGED in written
    assert fleet.lines("forged") == []

    waiting = Waiting(fleet, 6)
    with fleet.client(retries=0) as client, pytest.raises(UnavailableError):
        client.encode(PHOTO, format="webp", quality=CRASHES)
    until(lambda: restarts(fleet, "SIGABRT") == 1 and fleet.ready == 2)
    fleet.touch(GATE)
    failed = [call for call in waiting.calls if call.exception(LIMIT)]
    # The callers of the process that crashed fail. Six callers rarely share one process.
    assert all(isinstance(call.exception(LIMIT), UnavailableError) for call in failed)
    (ended,) = fleet.lines("process ended")
    assert (ended["cause"], ended["wait_seconds"]) == ("SIGABRT", 0)
    with fleet.client(retries=0) as client:
        assert client.encode(PHOTO, format="webp", quality=WAITS).quality == WAITS

    until(lambda: [line for line in fleet.lines(EVENT) if "faulty.py" in line["text"]])
    crash = fleet.lines(EVENT)[len(written) :]
    assert crash[0]["text"] == "Fatal Python error: Aborted"
    assert {line["process"] for line in crash} == {ended["process"]}
    assert all(json.loads(line) for line in fleet.log.read_text().splitlines())


def test_one_that_keeps_dying_is_replaced_later_and_later_while_the_other_serves(
    start_fleet: Callable[..., Fleet],
) -> None:
    fleet = start_fleet()
    fleet.touch(DEADLY)
    fleet.kill_one()
    until(lambda: len(fleet.lines("process ended")) == 4)
    with fleet.client() as client:
        assert client.encode(PHOTO, format="webp", quality=50).quality == 50
    ends = fleet.lines("process ended")
    assert [line["wait_seconds"] for line in ends[:4]] == [0, 0.5, 1, 2]
    assert [line["cause"] for line in ends[:4]] == ["SIGKILL", *["SIGABRT"] * 3]
    (fleet.folder / DEADLY).unlink()
    until(lambda: fleet.ready == 2)


def test_a_process_that_never_serves_is_replaced(start_fleet: Callable[..., Fleet]) -> None:
    fleet = start_fleet(HUNG_GRACE="4")
    fleet.touch(STUCK)
    fleet.kill_one()
    until(lambda: "hung" in [line["cause"] for line in fleet.lines("process ended")])
    (fleet.folder / STUCK).unlink()
    until(lambda: fleet.ready == 2)


def test_a_file_that_is_broken_for_a_while_does_not_end_a_server_that_has_served(
    start_fleet: Callable[..., Fleet], tmp_path: Path
) -> None:
    """All processes end, and those that follow cannot start: they are tried again."""
    tokens = tmp_path / "tokens"
    tokens.write_text("shop: one-of-the-tokens-0001\n")
    fleet = start_fleet(TOKEN_FILE=str(tokens))
    whole = tokens.read_text()
    tokens.write_text("short")
    for pid in fleet.pids():
        os.kill(pid, signal.SIGKILL)
    until(lambda: [line["cause"] for line in fleet.lines("process ended")].count("start") >= 2)
    assert fleet.process.poll() is None
    tokens.write_text(whole)
    until(lambda: fleet.ready == 2)
