"""A process that cannot serve any more ends, and is replaced."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from autoquality import AutoQualityError, RawImage, UnavailableError
from autoquality_server.process import BROKEN, FAILED
from tests.commands import python
from tests.faults.conftest import PHOTO, Fleet
from tests.faults.faulty import BLOCKED, EXHAUSTED
from tests.rpc.conftest import ROOT
from tests.servers import NO_NETWORKS, clean_environment
from tests.waiting import LIMIT, in_background, until

LARGE = RawImage(4000, 3000, 3, bytes(36_000_000))
DIED = "a thread ended: the process ends"


def test_without_memory_to_receive_a_request_the_process_ends_and_says_why(
    start_fleet: Callable[..., Fleet],
) -> None:
    fleet = start_fleet(PROCESSES="1")
    fleet.touch(EXHAUSTED)
    with fleet.client(retries=0) as client, pytest.raises(UnavailableError):
        client.encode(PHOTO, timeout=30)
    assert fleet.process.wait(LIMIT) == BROKEN
    (line,) = fleet.lines(DIED)
    assert line["level"] == "critical"
    assert "MemoryError" in line["exception"]


def test_of_several_processes_one_that_runs_out_of_memory_is_replaced(
    start_fleet: Callable[..., Fleet],
) -> None:
    """A real limit on a real process, and more images than fit."""
    fleet = start_fleet(WORKERS="4")
    pid = fleet.pids()[0]
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + 40 * 2**20
    resource.prlimit(pid, resource.RLIMIT_AS, (room, room))

    def encode(_: int) -> None:
        with fleet.client(retries=0) as client:
            try:
                client.encode(LARGE, format="jpeg", quality=50, stream_above=None)
            except AutoQualityError:
                return

    with ThreadPoolExecutor(4) as pool:
        while not fleet.lines("process ended"):
            list(pool.map(encode, range(4)))
    until(lambda: fleet.ready == 2)
    assert pid not in fleet.pids()
    for _ in range(4):
        with fleet.client() as client:
            assert client.encode(PHOTO, format="webp", quality=50).quality == 50


def test_a_server_that_is_blocked_ends_soon_after_its_drain_timeout(
    start_fleet: Callable[..., Fleet],
) -> None:
    fleet = start_fleet(PROCESSES="1", DRAIN_TIMEOUT="0.5")
    fleet.touch(BLOCKED)
    with fleet.client(retries=0) as client:
        call = in_background(client.encode, PHOTO)
        until(lambda: fleet.metrics["autoquality_uploads_in_flight"] == 1)
        fleet.process.send_signal(signal.SIGTERM)
        assert fleet.process.wait(LIMIT) == FAILED
        assert isinstance(call.exception(LIMIT), UnavailableError)
    assert fleet.lines("did not stop in time")


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_server_ends_although_nobody_reads_its_log(tmp_path: Path, processes: str) -> None:
    read, write = os.pipe()
    local = {
        "LISTEN": "127.0.0.1:0",
        "METRICS_LISTEN": "off",
        "DRAIN_TIMEOUT": "0.5",
        "PROCESSES": processes,
    }
    environ = {f"AUTOQUALITY_{name}": text for name, text in local.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.faulty"],
        env={**clean_environment(), **NO_NETWORKS, **environ, "FAULTS": str(tmp_path)},
        cwd=ROOT,
        stderr=write,
    )
    os.close(write)
    try:
        with open(read, "rb", closefd=False) as log:
            assert any(b'"event": "ready"' in line for line in log)
        fill(read)
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == FAILED
    finally:
        process.kill()
        os.close(read)


def fill(pipe: int) -> None:
    """Write to a pipe, given by either end, until it is full."""
    own = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(own, bytes(512))
    os.close(own)


def test_the_end_of_a_thread_is_that_of_the_process_although_nobody_reads_its_log() -> None:
    read, write = os.pipe()
    fill(write)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(error="MemoryError")], stderr=write, cwd=ROOT
    )
    try:
        assert process.wait(LIMIT) == BROKEN
    finally:
        process.kill()
        os.close(read)
        os.close(write)


@pytest.mark.parametrize("error", ["MemoryError", "RuntimeError"])
def test_the_end_of_any_thread_is_that_of_the_process(error: str) -> None:
    line = json.loads(python(PROGRAM.format(error=error), status=BROKEN).stderr)
    assert (line["event"], line["thread"]) == (DIED, "batcher")
    assert error in line["exception"]


PROGRAM = """
import threading
from autoquality_server.config.groups.serving import LogFormat, LogLevel
from autoquality_server.process.fatal import end_with_any_thread
from autoquality_server.telemetry.logs import configure_logging

configure_logging(LogLevel.ERROR, LogFormat.JSON)
end_with_any_thread()

def work():
    raise {error}("out of it")

threading.Thread(target=work, name="batcher").start()
threading.Event().wait()
"""
